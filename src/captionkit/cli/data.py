"""`captionkit data`: check, count, split and fetch data sets."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from captionkit.cli import options
from captionkit.cli.output import check_output, printable, tell
from captionkit.errors import UsageError, several

if TYPE_CHECKING:
    from captionkit.datasets.check import CheckReport
    from captionkit.datasets.fetch import Archive
    from captionkit.datasets.stats import DatasetStats, Spread

app = typer.Typer(
    help="Check, count, split and fetch data sets of pictures with captions.",
    no_args_is_help=True,
)

MAX_TIMEOUT = 86_400  # seconds

Restval = Annotated[
    bool | None,
    typer.Option(
        help="Whether the restval pictures of Karpathy's COCO split are train (they are).", show_default=False
    ),
]


@app.command()
def check(
    context: typer.Context,
    path: options.Source,
    images: options.Images = "",
    data_format: options.Format = "",
    train_list: options.TrainList = "",
    val_list: options.ValList = "",
    test_list: options.TestList = "",
    image_column: options.ImageColumn = "",
    caption_column: options.CaptionColumn = "",
    split_column: options.SplitColumn = "",
    id_column: options.IdColumn = "",
    restval: Restval = None,
    decode: Annotated[bool, typer.Option(help="Decode every picture, or only look whether it is there.")] = True,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Pictures decoded at the same time.")] = 2,
    max_bad: Annotated[float, typer.Option(min=0.0, max=1.0, help="The share of bad records let pass.")] = 0.01,
    show: Annotated[int, typer.Option(min=0, help="Problems shown of each kind.")] = 5,
    json_output: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """List missing and unreadable pictures, empty captions, duplicates, and paths that leave the folder.

    Exit code 1 if more than 1 % of the records are bad.

    Example: captionkit data check Flickr8k.token.txt --images Images --train-list Flickr_8k.trainImages.txt
    """
    from captionkit.datasets import dataset_config
    from captionkit.datasets.check import check_dataset

    if math.isnan(max_bad):  # passes every bound
        raise UsageError("Expected a number from 0 to 1 for --max-bad, but got nan.")
    config = dataset_config(path, **options.data_settings(context))
    with ExitStack() as stack:
        follow = _follow(stack, "check", "pictures", quiet=quiet)
        report = check_dataset(config, decode=decode, workers=workers, progress=follow)
    if json_output:
        print(json.dumps(report.to_json(), indent=1))
    else:
        print("\n".join(map(printable, _check_lines(path, report, show))))
    if report.bad_share > max_bad:
        tell(f"{_bad_records(report)}, more than the {max_bad:.2%} that is let pass (--max-bad).")
        raise typer.Exit(1)


@app.command()
def stats(
    context: typer.Context,
    path: options.Source,
    images: options.Images = "",
    data_format: options.Format = "",
    train_list: options.TrainList = "",
    val_list: options.ValList = "",
    test_list: options.TestList = "",
    image_column: options.ImageColumn = "",
    caption_column: options.CaptionColumn = "",
    split_column: options.SplitColumn = "",
    id_column: options.IdColumn = "",
    restval: Restval = None,
    sizes: Annotated[bool, typer.Option(help="Open the pictures for their width and height.")] = False,
    json_output: options.Json = False,
) -> None:
    """Count pictures, captions, words and the vocabulary.

    Example: captionkit data stats dataset_flickr8k.json --images Images --sizes
    """
    from captionkit.datasets import dataset_config, read_dataset
    from captionkit.datasets.stats import dataset_stats

    config = dataset_config(path, **options.data_settings(context))
    result = dataset_stats(read_dataset(config), sizes=sizes)
    if json_output:
        print(json.dumps({"format": config.format, **dataclasses.asdict(result)}, indent=1))
    else:
        lines = [f"{path}, read as {config.format}", *_stats_lines(result)]
        print("\n".join(map(printable, lines)))


@app.command()
def split(
    context: typer.Context,
    path: options.Source,
    out: Annotated[Path, typer.Option(help="A .json file (Karpathy's form), or a folder for three lists.")],
    images: options.Images = "",
    data_format: options.Format = "",
    image_column: options.ImageColumn = "",
    caption_column: options.CaptionColumn = "",
    id_column: options.IdColumn = "",
    val: Annotated[float, typer.Option(help="Below 1 a share of the pictures, from 1 on a number.")] = 0.1,
    test: Annotated[float, typer.Option(help="Below 1 a share of the pictures, from 1 on a number.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Another seed, another split.")] = 1,
    content: Annotated[bool, typer.Option(help="Keep byte-identical pictures on one side.")] = True,
    overwrite: Annotated[bool, typer.Option(help="Replace what is at --out.")] = False,
) -> None:
    """Divide the pictures into train, val and test: by picture, by seed, whatever the order of the file.

    Example: captionkit data split captions.csv --images photos --val 0.1 --test 0.1 --out mine.json
    """
    from captionkit.config.paths import expand_path
    from captionkit.datasets import dataset_config, images_folder, read_dataset
    from captionkit.datasets.split import split_records, write_karpathy, write_split_lists

    _check_out(out)
    lists = [out / f"{name}.txt" for name in ("train", "val", "test")]
    as_json = out.suffix.lower() == ".json"
    taken = [target for target in ([out] if as_json else lists) if target.exists()]
    if taken and not overwrite:
        raise UsageError(f"{taken[0]} is there already; give another --out, or --overwrite to replace it.")
    config = dataset_config(path, **options.data_settings(context))
    if config.format == "folder" and not as_json:
        _expect_outside(out, expand_path(config.captions))
    divided = read_dataset(config)
    if any(record.split for record in divided):
        tell(f"{path} divides its pictures already; scores on this other split do not compare.")
    records = split_records(divided, val=val, test=test, seed=seed, by_content=content)
    if as_json:
        write_karpathy(records, images_folder(config), out)
    else:
        write_split_lists(records, out)
    counts = ", ".join(f"{name} {sum(r.split == name for r in records):,}" for name in ("train", "val", "test"))
    print(printable(f"{counts} -> {out}"))


def _check_out(out: Path) -> None:
    """Refuse a place where neither a JSON file nor a folder of lists can be."""
    from captionkit.datasets.table import TABLE_SUFFIXES
    from captionkit.files import in_the_way

    if out.suffix.lower() == ".json":
        check_output("--out", out, [])
        return
    if out.suffix.lower() in TABLE_SUFFIXES | {".txt"} and not out.is_dir():
        raise UsageError(f"Expected a .json file or a folder for --out, but got {out}; name one of these.")
    if obstacle := in_the_way(out):
        raise UsageError(f"Expected a folder for --out, or a .json file, but {obstacle}; name another place.")


def _expect_outside(out: Path, folder: Path) -> None:
    """Refuse lists in a folder of captions: its every text file is read as captions of a picture."""
    from captionkit.files import real_path

    if real_path(out).is_relative_to(real_path(folder)):
        raise UsageError(
            f"Expected --out outside {folder}, whose text files are captions, but got {out}; name another "
            "folder, or a .json file, which captionkit train reads."
        )


@app.command()
def fetch(
    names: Annotated[
        list[str],
        typer.Argument(help="flickr8k, karpathy, coco-captions, coco-val2017, coco-train2017, flickr30k."),
    ],
    to: Annotated[Path, typer.Option(help="The folder that it goes to.")] = Path("data"),
    mirror: Annotated[str, typer.Option(help="Take the files from this address instead.")] = "",
    timeout: Annotated[float, typer.Option(min=1, help="Seconds without a byte before trying again.")] = 60.0,
    attempts: Annotated[int, typer.Option(min=1, help="Attempts in a row that may bring nothing.")] = 5,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be fetched.")] = False,
    quiet: options.Quiet = False,
) -> None:
    """Fetch a data set that its owners let anyone fetch; interrupted, the same command goes on.

    Every archive is verified before it is unpacked. For Flickr30k it says how to ask its owners.

    Example: captionkit data fetch karpathy coco-captions coco-val2017 --to data/coco
    """
    from captionkit.datasets.fetch import CATALOGUE, bytes_needed, choose, fetch_archive
    from captionkit.datasets.unpack import check_space

    if not timeout <= MAX_TIMEOUT:  # of nan and of more the system makes no clock
        raise UsageError(f"Expected --timeout of 1 to {MAX_TIMEOUT:,} seconds, but got {timeout}.")
    archives = choose(names, mirror=mirror)
    for name in names:
        print(f"{name}: {CATALOGUE[name].title}\n  {CATALOGUE[name].terms}", flush=True)
    if dry_run:
        print("\n".join(_fetch_lines(archives)))
        needed = f"about {bytes_needed(archives, to) / 1e9:.2f} GB"
        print(printable(f"Space needed in {to}, unpacked: {needed}."))
        return
    check_space(to, bytes_needed(archives, to), "Fetching")  # all of them, before the first begins
    for archive in archives:
        name = archive.file.name
        with ExitStack() as stack:
            show = _follow(stack, name, "MB", quiet=quiet, size=1_000_000)
            unpacked = _follow(stack, f"unpack {name}", "files", quiet=quiet)
            count = fetch_archive(
                archive, to, timeout=timeout, attempts=attempts, on_download=show, on_unpack=unpacked
            )
        print(printable(f"{name}: verified, {several(count, 'file')} in {to / archive.into}"), flush=True)
    print("The archives may be removed; kept, the next fetch only verifies them.")


def _follow(stack: ExitStack, what: str, unit: str, *, quiet: bool, size: int = 1) -> Callable[[int, int], None]:
    """A callback that shows (done, total) in units of `size`; the total is known at the first call."""
    from captionkit.progress import Progress

    bars: list[Progress] = []

    def follow(done: int, total: int) -> None:
        if not bars:
            stack.close()  # a terminal shows one bar at a time
            bars.append(stack.enter_context(Progress(what, total // size, unit, done=done // size, quiet=quiet)))
        bars[0].advance(done // size - bars[0].done)

    return follow


def _check_lines(path: str, report: CheckReport, show: int) -> list[str]:
    from captionkit.datasets.problems import count_kinds

    splits = ", ".join(f"{name} {count:,}" for name, count in report.splits.items())
    lines = [
        f"{path}, read as {report.format}",
        f"  pictures  {len(report.records):>9,}  {splits}",
        f"  captions  {report.captions:>9,}",
    ]
    if not report.decoded:
        lines.append("  The pictures were looked for, not decoded.")
    for kind, count in count_kinds(report.problems).items():
        lines += ["", f"{kind}: {count:,}{' (bad)' if kind.bad else ''}"]
        some = [problem for problem in report.problems if problem.kind is kind]
        lines += [f"  {problem.source}: {problem.message}" for problem in some[:show]]
        if count > show:
            lines.append(f"  ... and {count - show:,} more (--show {count}, or --json)")
    return [*lines, "", f"{_bad_records(report)}." if report.bad_records else "No bad records."]


def _bad_records(report: CheckReport) -> str:
    """How many there are. Those of the share are more than the pictures where an entry gave no record."""
    return f"{several(report.bad_records, 'bad record')} ({report.bad_share:.2%})"


def _stats_lines(result: DatasetStats) -> list[str]:
    lines = [f"  {'split':<8}{'pictures':>10}{'captions':>10}"]
    lines += [f"  {name:<8}{count:>10,}{result.captions[name]:>10,}" for name, count in result.pictures.items()]
    lines.append(f"  {'all':<8}{sum(result.pictures.values()):>10,}{sum(result.captions.values()):>10,}")
    lines += ["", *_spread_lines("captions a picture", result.captions_a_picture)]
    lines += _spread_lines("words a caption", result.words_a_caption)
    if result.widths is not None:
        lines += [*_spread_lines("width", result.widths), *_spread_lines("height", result.heights)]
    if result.unreadable:
        lines.append(
            f"  {several(result.unreadable, 'picture')} could not be opened; see `captionkit data check`."
        )
    lines += ["", f"  words in {result.vocabulary_split} captions, by least count"]
    lines += [f"  {least:>8} x{count:>10,}" for least, count in result.vocabulary.items()]
    lines += ["", "  words a caption"]
    most = max(result.lengths.values(), default=1)
    lines += [
        f"  {length:>8}{count:>10,}  {'#' * round(50 * count / most)}".rstrip()
        for length, count in result.lengths.items()
    ]
    return lines


def _spread_lines(name: str, spread: Spread | None) -> list[str]:
    if spread is None:
        return []
    return [f"  {name}: {spread.least:g} to {spread.greatest:g}, mean {spread.mean:.2f}, median {spread.median:g}"]


def _fetch_lines(archives: Sequence[Archive]) -> list[str]:
    lines = []
    for archive in archives:
        file = archive.file
        digest = (
            f"SHA-256 {file.sha256}" if file.sha256 else f"MD5 {file.md5}; SHA-256 recorded at the first fetch"
        )
        about = "" if file.sha256 else "about "
        lines += [f"{file.url}", f"  {about}{file.about_bytes:,} bytes, verified by {digest}"]
    return lines
