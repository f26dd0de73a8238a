"""Options that several commands have, each said once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from captionkit.cli.output import check_output

if TYPE_CHECKING:
    from captionkit.records import ImageRecord


def named_default(path: Path | None) -> Path | None:
    """None, the installed model, where it is named "default", as `evaluate` and others have it."""
    return None if path == Path("default") else path


Model = Annotated[
    Path | None,
    typer.Argument(
        metavar="BUNDLE",
        help="A .captionkit file, or 'default' for the installed one.",
        show_default=False,
        callback=named_default,
    ),
]
BundleFile = Annotated[
    Path | None,
    typer.Argument(
        help="A .captionkit file. Default: the installed one.", show_default=False, callback=named_default
    ),
]
Bundle = Annotated[
    Path | None,
    typer.Option(
        "--bundle",
        help="The model, a .captionkit file. Default: the installed one.",
        show_default=False,
        callback=named_default,
    ),
]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, max=64, help="CPU threads of the networks.", show_default=False)
]
Beams = Annotated[
    int | None,
    typer.Option(
        "--beams", min=1, max=100, help="Width of the search. Default: the bundle's.", show_default=False
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

# Of commands that make models.
Overrides = Annotated[
    list[str] | None, typer.Argument(help="Changes to it: section.key=value ...", show_default=False)
]
RunFolder = Annotated[
    Path | None,
    typer.Option("--run", help="The run's folder; default: runs/NAME of the recipe.", show_default=False),
]

# Of commands that read a data set; what is not given is found out. `data_settings` passes them on.
Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A caption file or folder of a known format, or a recipe, such as the config.toml of a run.",
    ),
]
Split = Annotated[str, typer.Option("--split", help="train, dev (val), test or all.")]
Source = Annotated[
    str, typer.Argument(metavar="PATH", help="A caption file, a folder of pictures and .txt files, or a recipe.")
]
Images = Annotated[
    str,
    typer.Option("--images", help="The folder of the pictures; default: beside the captions.", show_default=False),
]
Format = Annotated[
    str,
    typer.Option(
        "--format",
        help="flickr8k, flickr8k_csv, flickr30k, flickr30k_csv, coco, karpathy, folder or table; default: told "
        "from the file.",
        show_default=False,
    ),
]
TrainList = Annotated[
    str, typer.Option(help="A file that names the train pictures (Flickr and COCO formats).", show_default=False)
]
ValList = Annotated[str, typer.Option(help="A file that names the val pictures.", show_default=False)]
TestList = Annotated[str, typer.Option(help="A file that names the test pictures.", show_default=False)]
ImageColumn = Annotated[str, typer.Option(help="The column of picture paths (tables).")]
CaptionColumn = Annotated[str, typer.Option(help="The column of captions; several with commas between.")]
SplitColumn = Annotated[str, typer.Option(help="The column of splits.")]
IdColumn = Annotated[str, typer.Option(help="The column of ids; default: the column of pictures.")]


def data_settings(context: typer.Context) -> dict[str, Any]:
    """What the command was given of the options from `Images` to `IdColumn`, as `dataset_config` takes it."""
    lists, columns = ("train_list", "val_list", "test_list"), ("image_column", "caption_column", "split_column")
    names = ("images", "data_format", *lists, *columns, "id_column", "restval")
    return {name.removeprefix("data_"): context.params[name] for name in names if name in context.params}


def read_split(
    captions: str, split: str, *, written: tuple[str, Path | None], **settings: str
) -> list[ImageRecord]:
    """Captioned pictures of a data set's split; `settings` as of `captionkit.datasets.dataset_config`.

    `written` is what the command will write, its option first: never over a file of the data set, not even over
    one that a recipe names, or that was found beside the captions.
    """
    from captionkit.config.paths import expand_path
    from captionkit.datasets import dataset_config, read_dataset
    from captionkit.evaluate import split_records

    config = dataset_config(captions, **settings)
    files = (config.captions, config.train_list, config.val_list, config.test_list)
    check_output(*written, [captions, *(expand_path(name) for name in files if name)])
    return split_records(read_dataset(config), split)
