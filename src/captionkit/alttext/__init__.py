"""Alternative text: find the pictures of documents, judge what they have, propose and write what they lack.

`formats` opens a file, one module a format; `verdict` judges a picture after the W3C alt decision tree;
`scan` puts both together. `propose`, `review` and `write` go on from there. Captions come from any object with
the `caption` method of `captionkit.captioner.Captioner`; no model code is here.
"""
