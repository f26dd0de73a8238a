"""What may be set, with its defaults: one frozen dataclass a section of the TOML file."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DataConfig:
    """Where pictures and captions are; paths may hold `$CAPTIONKIT_DATA`.

    Attributes:
        format: a name from `captionkit.datasets.READERS`.
        captions: the caption file (or folder) of that format.
        images: the folder that picture paths are relative to.
        train, val: the split names used for training and for choosing.
        restval: whether Karpathy's "restval" counts as train.
        train_list, val_list, test_list: split list files, for formats that keep them apart (Flickr8k); for COCO,
            lists of numbers choose among its pictures.
        image_column, caption_column, split_column, id_column: the columns of a table; empty means by their
            usual names. `caption_column` may name several, with commas between.
        max_bad: the share of entries of the caption file, and of pictures to train on, that may be bad; these are
            left out, and told.
    """

    format: str = "karpathy"
    captions: str = "$CAPTIONKIT_DATA/flickr8k/dataset_flickr8k.json"
    images: str = "$CAPTIONKIT_DATA/flickr8k/images"
    train: str = "train"
    val: str = "val"
    restval: bool = True
    train_list: str = ""
    val_list: str = ""
    test_list: str = ""
    image_column: str = ""
    caption_column: str = ""
    split_column: str = ""
    id_column: str = ""
    max_bad: float = 0.01


@dataclass(frozen=True, slots=True)
class TokenizerConfig:
    """The vocabulary: words seen at least `min_count` times in train captions."""

    min_count: int = 4
    max_length: int = 20  # words of a caption that training sees, without bos and eos


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """The picture network: a name from `captionkit.modeling.encoders.ENCODERS`.

    `weights` is "imagenet", "none" or a file; of several files, separated by spaces, the mean. `image_size` 0 is
    the network's own. `pooled` averages the grid to one position. `trainable` lets its convolutions learn too, but
    for the first `frozen` of its layers (a share, 0 to 1, counted from the pixels): these tell edges and textures
    apart, which is the same for all pictures, and the backward pass through them is dear.
    """

    name: str = "efficientnet_lite2"
    weights: str = "imagenet"
    image_size: int = 0
    pooled: bool = False
    trainable: bool = False
    frozen: float = 0.0

    @property
    def weight_files(self) -> str:
        """`weights` where they are files, those of a run; empty where they are published or random ones."""
        return "" if self.weights in ("imagenet", "none") else self.weights


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    """The word network.

    Attributes:
        kind: a name from `captionkit.modeling.decoders.DECODERS`.
        units, embedding, layers, heads: its sizes; each decoder's docstring says which it uses.
        dropout: share of units dropped; word_dropout: share of words dropped whole.
        tied: whether the output layer reads the word embedding.
        grid_layers: self-attention layers over the grid (transformer).
        positions: more than the words that a sentence may have (transformer).
        bfloat16: whether training computes matrix products in bfloat16 on processors that have instructions for it
            (AVX512-BF16 or AMX); others compute them in float32, which is faster there.
        doubly_stochastic: weight of the term that asks each grid position to be looked at once (attention_lstm).
    """

    kind: str = "lstm"
    units: int = 512
    embedding: int = 512
    layers: int = 1
    heads: int = 8
    dropout: float = 0.4
    word_dropout: float = 0.0
    tied: bool = False
    grid_layers: int = 1
    positions: int = 32
    doubly_stochastic: float = 0.0
    bfloat16: bool = False


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """Cross-entropy training.

    Attributes:
        epochs: passes over the train pictures; with 0 nothing is trained: the run is what `begin_from` names.
        batch_size: pictures a step; each brings `captions_per_image` captions.
        more_data_times: how often an epoch each picture of `more_data` comes: more than once where there are few.
        learning_rate: the peak, reached after `warmup_steps`, followed by a cosine to `final_rate` of it.
        weight_decay: decoupled (AdamW); biases and vectors are exempt.
        label_smoothing: probability mass spread over the whole vocabulary.
        consensus: how much more those captions count that say what a picture's others say: from 0, all alike, to
            1, in proportion to their CIDEr-D against the others; see `captionkit.training.consensus`.
        clip_norm: global gradient norm limit.
        ema: decay of the weight average that is evaluated and exported; 0 turns it off.
        eval_beams, eval_every: how dev captions are decoded to choose the model, and every how many epochs.
        patience: evaluations without a better CIDEr before the run stops.
        checkpoint_minutes: wall-clock minutes between checkpoints.
        seed: of weights, data order and dropout.
        begin_from: the folder of a run whose best weights this one starts from, or a bundle that was exported
            with its weights; of several, separated by spaces, the mean of the weights; empty for fresh ones.
        teachers: folders of finished runs or such bundles, separated by spaces, whose word probabilities are
            learned too (knowledge distillation); empty for none.
        teachers_share: of the loss, 0 to 1.
        pseudo_captions: a table that `captionkit caption PICTURES --n 5 --csv` wrote of the train
            pictures; its captions are learned beside those of people (sequence-level knowledge distillation).
            Empty for none.
        encoder_rate: factor on the learning rate for the layers of a trainable encoder.
        augment: whether a trainable encoder sees other crops, colours and mirrorings of the pictures.
        views: of how many such views (the picture itself among them) the features of a frozen encoder are
            computed; training draws one each time. Each costs the time and the room of the first.
    """

    epochs: int = 12
    batch_size: int = 32
    captions_per_image: int = 5
    more_data_times: int = 1
    learning_rate: float = 8e-4
    final_rate: float = 0.02
    warmup_steps: int = 200
    weight_decay: float = 0.01
    label_smoothing: float = 0.1
    consensus: float = 0.0
    clip_norm: float = 5.0
    ema: float = 0.0
    eval_beams: int = 3
    eval_every: int = 1
    patience: int = 3
    checkpoint_minutes: float = 5.0
    seed: int = 1
    begin_from: str = ""
    teachers: str = ""
    teachers_share: float = 0.5
    pseudo_captions: str = ""
    encoder_rate: float = 0.25
    augment: bool = True
    views: int = 1


@dataclass(frozen=True, slots=True)
class SelfCriticalConfig:
    """Training on the score itself, after cross-entropy; rates and times are those of `[training]`.

    Attributes:
        samples: captions drawn for each picture, 2 or more; 0 for cross-entropy training.
        cross_entropy: share of cross-entropy in the loss, 0 to 1.
        temperature: of the policy that is sampled and trained; label smoothing leaves up to a tenth of the
            probability on words that fit nowhere, which a temperature below 1 keeps out of the samples.
        dropout: whether units are dropped while the policy is trained.
        rouge_l, bleu_4: how much these scores, 0 to 1, add to the reward beside CIDEr-D, which reaches 10.
    """

    samples: int = 0
    cross_entropy: float = 0.0
    temperature: float = 1.0
    dropout: bool = False
    rouge_l: float = 0.0
    bleu_4: float = 0.0


@dataclass(frozen=True, slots=True)
class DecodingConfig:
    """How captions are searched for, on dev and by default from the bundle.

    Attributes:
        beams, max_length, length_penalty: of beam search; the length is in words.
        no_repeat_ngram: no caption says the same n words in a row twice; 0 for no limit.
        bad_endings: words, separated by spaces, that a caption may not end with.
        surest: whether the bundle says another caption than the likeliest where it is surer of it.
        mirrored: whether the bundle looks at a picture in a mirror as well. While training, the picture itself
            is looked at and its likeliest caption scored.
    """

    beams: int = 3
    max_length: int = 20
    length_penalty: float = 0.7
    no_repeat_ngram: int = 3
    bad_endings: str = "a an the of in on at with and to for from by is are his her their its"
    surest: bool = False
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class BundleConfig:
    """What the bundle says of itself: its name, and the terms of the data and of the encoder's weights."""

    name: str = "captionkit model"
    data_terms: str = ""
    encoder_terms: str = ""


@dataclass(frozen=True, slots=True)
class ExpectConfig:
    """What the recipe's bundle should reach on dev, x100; `captionkit reproduce` compares. 0 for no limit."""

    cider_d_low: float = 0.0
    cider_d_high: float = 0.0
    bleu_4_low: float = 0.0
    bleu_4_high: float = 0.0


@dataclass(frozen=True, slots=True)
class Config:
    """All that a run depends on. Written into the run's folder and into the bundle.

    `more_data` is a second data set whose train pictures are trained on too; nothing is chosen by it. No caption
    file means none.
    """

    data: DataConfig = field(default_factory=DataConfig)
    more_data: DataConfig = field(default_factory=lambda: DataConfig(captions="", images=""))
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    self_critical: SelfCriticalConfig = field(default_factory=SelfCriticalConfig)
    decoding: DecodingConfig = field(default_factory=DecodingConfig)
    bundle: BundleConfig = field(default_factory=BundleConfig)
    expect: ExpectConfig = field(default_factory=ExpectConfig)
