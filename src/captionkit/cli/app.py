"""`captionkit`: puts the commands together and turns our errors into one sentence and exit code 2.

Command modules import typer, the standard library and what is loaded here anyway at their top and everything else
inside the command: `captionkit --help` must be instant, and a command loads only what it uses.
"""

from __future__ import annotations

import atexit
import codecs
import contextlib
import copy
import errno
import io
import json
import os
import signal
import sys
from typing import Annotated, Any, NoReturn

import typer
import typer.core

from captionkit import __version__
from captionkit.cli import (
    alt,
    audit,
    bundle,
    calibrate,
    caption,
    data,
    evaluate,
    explain,
    features,
    report,
    score,
    search,
    serve,
    train,
)
from captionkit.cli.output import tell
from captionkit.errors import CaptionkitError, UsageError


class _InterruptError(Exception):
    """Ctrl-C, under a name that typer does not turn into an exit without a word."""


class _BrokenPipe(Exception):  # noqa: N818 -- as Python calls it
    """Nobody reads our output, under a name that typer does not turn into exit code 1."""


class _Commands(typer.core.TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise _InterruptError from None
        except BrokenPipeError:
            raise _BrokenPipe from None


app = typer.Typer(
    name="captionkit",
    cls=_Commands,
    help="Describe pictures in words: caption, train, evaluate. Start with: captionkit caption photo.jpg",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich triples the time of --help
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("caption")(caption.caption)
app.command("serve")(serve.serve)
app.command("explain")(explain.explain)
app.add_typer(bundle.app, name="bundle")
app.add_typer(alt.app, name="alt")
app.add_typer(data.app, name="data")
app.command("features")(features.features)
app.command("index")(search.index)
app.command("search")(search.search)
app.command("train")(train.train)
app.command("export")(train.export)
app.command("reproduce")(train.reproduce)
app.command("evaluate")(evaluate.evaluate)
app.command("calibrate")(calibrate.calibrate)
app.command("report")(report.report)
app.command("audit")(audit.audit)
app.command("score")(score.score)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"captionkit {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Describe pictures in words: caption, train, evaluate. Start with: captionkit caption photo.jpg."""


_REFUSALS = frozenset([
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENAMETOOLONG,
])  # fmt: skip


def _open_closed_streams() -> None:
    """Standard streams that the caller closed (`>&-`) are None to Python; ours are there and lead nowhere."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


def _let_names_through() -> None:
    """File names need not be text: their bytes go to standard output as they came.

    Characters that its encoding lacks are escaped as JSON has them, which it may be.
    """

    def encode(error: UnicodeError) -> tuple[bytes | str, int]:
        if not isinstance(error, UnicodeEncodeError):
            raise error
        text = error.object[error.start : error.end]
        if all("\udc80" <= one <= "\udcff" for one in text):
            return os.fsencode(text), error.end
        return json.dumps(text)[1:-1].encode(), error.end

    codecs.register_error("captionkit-names", encode)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="captionkit-names")


def _refuse_empty(arguments: list[str]) -> None:
    """An empty path would be this folder, with all that lies below. A query may be empty: it has no words."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    given = "" in arguments and arguments[0] != "search"
    if given or any(one.startswith("--") and one.endswith("=") for one in options):
        raise UsageError("Expected no empty argument, but got one; is a variable of the command not set?")


def _with_only(asked: list[str]) -> typer.Typer:
    """The application with the one command that is asked for; with all, where it is none of them.

    Typer builds every command that it has before it runs one, which takes a twelfth of the time of a caption.
    """
    alone = copy.copy(app)
    alone.registered_commands = [one for one in app.registered_commands if one.name in asked]
    alone.registered_groups = [one for one in app.registered_groups if one.name in asked]
    return alone if alone.registered_commands or alone.registered_groups else app


def _end_at_sigterm() -> None:
    """Let SIGTERM end a command as Ctrl-C does, which leaves no temporary file, and the process by the signal."""
    asked: list[int] = []

    def ask(number: int, frame: object) -> NoReturn:
        signal.signal(number, signal.SIG_DFL)
        asked.append(number)
        raise KeyboardInterrupt

    def end() -> None:
        for number in asked:
            with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
                sys.stdout.flush()
            signal.raise_signal(number)

    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:  # not where whoever started us has it ignored
        signal.signal(signal.SIGTERM, ask)
        atexit.register(end)  # the first to be registered is the last to be called


def main() -> NoReturn:
    """Entry point. Exit codes: 0 done, 1 some records failed, 2 a mistake to mend, 130 Ctrl-C, 143 SIGTERM."""
    _end_at_sigterm()
    # The matrices that numpy multiplies here take it a millisecond, and after each its OpenBLAS keeps a thread a
    # processor spinning for 25, in case more come. Read when numpy is imported; who sets it keeps what they set.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        code = _run()
    except BrokenPipeError:
        # The reader of our output has gone (`captionkit ... | head`): nothing is wrong.
        code = 141
        nowhere = os.open(os.devnull, os.O_WRONLY)  # Python writes what it still holds at its end
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                os.dup2(nowhere, stream.fileno())
    sys.exit(code)


def _run() -> int:
    """The exit code of the command that `sys.argv` gives.

    Raises:
        BrokenPipeError: nobody reads what it says.
    """
    _open_closed_streams()
    _let_names_through()
    try:
        try:
            _refuse_empty(sys.argv[1:])
            _with_only(sys.argv[1:2])()
        except SystemExit as done:
            sys.stdout.flush()
            return done.code if isinstance(done.code, int) else int(done.code is not None)
        return 0
    except CaptionkitError as error:
        tell(str(error))
        return 2
    except (KeyboardInterrupt, _InterruptError):
        tell("interrupted")
        return 130
    except (BrokenPipeError, _BrokenPipe) as error:
        raise BrokenPipeError from error
    except OSError as error:
        # What no room foresaw is still the system's word and no defect of ours.
        if error.errno not in _REFUSALS:
            raise
        tell(f"{error.filename or 'a file'}: the system refused ({error.strerror}).")
        return 2
