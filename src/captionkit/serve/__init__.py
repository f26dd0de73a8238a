"""Captions over HTTP on one's own machine: one address for programs, one page for people.

Needs starlette and uvicorn (the extra `captionkit[serve]`); `captionkit serve` starts it. `server` listens,
`guard` lets in whom it is for, `wishes` and `upload` read what is asked and sent, `batches` captions it, and `app`
answers.
"""
