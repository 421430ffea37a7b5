"""The ``gmmteach`` command: lab, animate, figures, doctor."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from gmmteach import __version__

from .trouble import Trouble, say

__all__ = ["main"]

# Help is not re-flowed, so these lines are kept under 80 characters.

ABOUT = """\
A course on Gaussian mixture models that you can play, step through, break and
write again.

  gmmteach lab                               open the course in JupyterLab
  gmmteach animate data.csv --components 3   see EM run on your own data
  gmmteach doctor                            check that everything is in place
"""

LAB = """\
Open the course in JupyterLab.

The notebooks are put into DIR, and JupyterLab starts there. A notebook that
you have changed is never written to (running and saving it is a change): a
newer version goes beside yours under a new name, and this command says so.
Notebooks that you have not touched are brought up to date.

In a clone of the project, without DIR, the notebooks are used where they are:
what you run and save changes the clone, and git shows it. Name a DIR to work
on a copy.
"""

LAB_EXAMPLES = """\
examples:
  gmmteach lab
  gmmteach lab ~/gmm-course --port 9000
  gmmteach lab -- --ServerApp.ip=0.0.0.0   what follows -- goes to jupyter lab
"""

ANIMATE = """\
Fit a Gaussian mixture to columns of a CSV file by EM, and write the run as an
animation: every E-step recolours the points, every M-step moves the ellipses,
and the log-likelihood climbs beside them.

FILE.csv has one row a sample, with a header or without, separated by commas,
semicolons, tabs or spaces. Without --columns the first two numeric columns
are used. Rows in which one of the columns is missing are left out.
"""

ANIMATE_EXAMPLES = """\
examples:
  gmmteach animate penguins.csv -k 3 -c bill_length_mm,flipper_length_mm
  gmmteach animate data.csv --start random_from_data --seed 4 -o bad-start.gif
"""

FIGURES = """\
Draw the project's figures again, into figures/ of a clone or into --output.
Figures of the same name are replaced.
"""

DOCTOR = """\
Check Python, the packages, the notebook kernel (it is started), the widget
front end, fonts, animation writers, the notebooks and the folder you are in.
One line a check: ✓ fine, ✗ trouble, – for your information. Each trouble comes
with the one thing to do. The exit status is 0 when there is none, else 1.
"""

GRADE = """\
Check the exercises that submitted notebooks define, each notebook in a process of its
own with limits of time and memory, and name the mistakes. Only imports, functions,
classes and plain values of a notebook are run. It is no sandbox: grade strangers' work
in a container.
"""
GRADE_EXAMPLES = """\
examples:
  gmmteach grade submission.ipynb
  gmmteach grade class/*.ipynb --exercises e_step,m_step --csv grades.csv
"""

INTERVIEW = """\
Practise for an interview: a question at a time. Answer aloud, press Enter, compare, and
rate yourself from 1 to 4. What you found hard comes back soon, the rest later. Ratings
stay on this machine.
"""
INTERVIEW_EXAMPLES = """\
examples:
  gmmteach interview --level screening
  gmmteach interview --export cards.csv     for Anki: File, Import
  gmmteach interview --page deck.html       to print
"""

PROGRESS = """\
Say which exercises are right, what was answered and how far the interview deck is. All
of it is in one small file on this machine, which --delete deletes.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0 done, 1 could not be done, 2 cannot be done as asked."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    extra: list[str] = []
    if arguments[:1] == ["lab"] and "--" in arguments:
        cut = arguments.index("--")
        arguments, extra = arguments[:cut], arguments[cut + 1 :]
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 0
    try:
        return COMMANDS[options.command](options, extra)
    except Trouble as trouble:
        say(f"gmmteach {options.command}: {trouble}", sys.stderr)
        return trouble.status
    except KeyboardInterrupt:
        say("Stopped.", sys.stderr)
        return 130
    except BrokenPipeError:  # `gmmteach doctor | head`: whoever read has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _lab(options: argparse.Namespace, extra: list[str]) -> int:
    from .lab import lab

    return lab(options.directory, browser=options.browser, port=options.port, extra=extra, version=__version__)


def _animate(options: argparse.Namespace, extra: list[str]) -> int:
    from .film import film

    return film(options)


def _figures(options: argparse.Namespace, extra: list[str]) -> int:
    from .figures import figures

    return figures(options.output)


def _doctor(options: argparse.Namespace, extra: list[str]) -> int:
    from .doctor import doctor

    return doctor(as_json=options.json)


def _interview(options: argparse.Namespace, extra: list[str]) -> int:
    from .interview import interview

    return interview(
        options.level,
        options.topic,
        folder=options.folder,
        export=options.export,
        page=options.page,
        force=options.force,
    )


def _grade(options: argparse.Namespace, extra: list[str]) -> int:
    from .grade import grade

    return grade(
        options.submissions,
        options.exercises,
        folder=options.folder,
        seconds=options.seconds,
        gigabytes=options.gigabytes,
        as_json=options.json,
        table=options.csv,
        force=options.force,
    )


def _progress(options: argparse.Namespace, extra: list[str]) -> int:
    from .progress import progress

    return progress(delete=options.delete, sure=options.yes)


COMMANDS: dict[str, Callable[[argparse.Namespace, list[str]], int]] = {
    "lab": _lab,
    "animate": _animate,
    "figures": _figures,
    "doctor": _doctor,
    "grade": _grade,
    "interview": _interview,
    "progress": _progress,
}


# --- the options ----------------------------------------------------------------------------------


def build_parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    parser = argparse.ArgumentParser(
        prog="gmmteach",
        description=ABOUT,
        epilog="gmmteach COMMAND --help tells more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"gmmteach {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    def command(name: str, summary: str, description: str, examples: str = "") -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=summary,
            description=description,
            epilog=examples,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    lab = command("lab", "open the course in JupyterLab", LAB, LAB_EXAMPLES)
    lab.add_argument(
        "directory",
        metavar="DIR",
        nargs="?",
        help="folder for the notebooks (default: in a clone, where they are; else ./gmmteach-course)",
    )
    lab.add_argument("--no-browser", dest="browser", action="store_false", help="print the address only")
    lab.add_argument("--port", type=_port, metavar="N", help="port of the server (default: Jupyter's own, 8888)")

    animate = command("animate", "fit your own CSV file and write the animation", ANIMATE, ANIMATE_EXAMPLES)
    animate.add_argument("file", metavar="FILE.csv", help="the data, one row a sample")
    animate.add_argument(
        "-k", "--components", type=_positive, default=2, metavar="K", help="number of components (default: 2)"
    )
    animate.add_argument(
        "-c",
        "--columns",
        type=_names,
        metavar="A,B",
        help="columns to fit; of more than two, the first two are shown",
    )
    animate.add_argument(
        "--covariance-type",
        choices=["full", "tied", "diag", "spherical"],
        default="full",
        help="shape of the components (default: full)",
    )
    animate.add_argument(
        "-o",
        "--output",
        default="em.gif",
        metavar="FILE",
        help="file to write; it ends in .gif, .png, .webp or .mp4 (needs ffmpeg) (default: em.gif)",
    )
    animate.add_argument("--force", action="store_true", help="replace the output file if it is there")
    animate.add_argument(
        "--start",
        choices=["kmeans", "k-means++", "random", "random_from_data"],
        default="kmeans",
        help="where EM starts (default: kmeans)",
    )
    animate.add_argument("--seed", type=_seed, default=0, metavar="N", help="of the start's randomness (default: 0)")
    animate.add_argument(
        "--max-iter",
        type=_positive,
        default=100,
        metavar="N",
        help="stop after so many iterations (default: 100)",
    )
    animate.add_argument(
        "--reg-covar",
        type=_not_negative,
        default=1e-6,
        metavar="V",
        help="added to every variance (default: 1e-6)",
    )
    animate.add_argument("--fps", type=_pace, default=4.0, metavar="N", help="half-steps a second (default: 4)")
    animate.add_argument("--dark", action="store_true", help="light on dark")

    figures = command("figures", "draw the project's figures again", FIGURES)
    figures.add_argument("-o", "--output", metavar="DIR", help="folder to draw into (default: figures/ of the clone)")

    doctor = command("doctor", "check that everything is in place", DOCTOR)
    doctor.add_argument("--json", action="store_true", help="report as JSON")

    grade = command("grade", "check the exercises of submitted notebooks", GRADE, GRADE_EXAMPLES)
    grade.add_argument("submissions", metavar="NOTEBOOK.ipynb", nargs="+", help="notebooks to grade")
    grade.add_argument("--exercises", type=_names, metavar="A,B", help="only these (default: all there are)")
    grade.add_argument("--folder", metavar="DIR", help="exercises of your own, besides those of the course")
    grade.add_argument("--seconds", type=_above_zero, default=120.0, metavar="S", help="time for each (default: 120)")
    grade.add_argument("--gigabytes", type=_above_zero, default=4.0, metavar="G", help="memory for each (default: 4)")
    grade.add_argument("--csv", metavar="FILE.csv", help="write the results to a table as well")
    grade.add_argument("--json", action="store_true", help="report as JSON, with the messages")
    grade.add_argument("--force", action="store_true", help="replace a table that is there")

    interview = command("interview", "practise interview questions", INTERVIEW, INTERVIEW_EXAMPLES)
    interview.add_argument("--level", help="screening, 'working knowledge', whiteboard or design (default: all)")
    interview.add_argument("--topic", help="one topic (default: all)")
    interview.add_argument("--folder", metavar="DIR", help="cards of your own, *.toml, besides those of the course")
    interview.add_argument("--export", metavar="FILE.csv", help="write the cards for Anki instead of asking")
    interview.add_argument("--page", metavar="FILE.html", help="write a page to print instead of asking")
    interview.add_argument("--force", action="store_true", help="replace a file that is there")

    progress = command("progress", "what you have done so far", PROGRESS)
    progress.add_argument("--delete", action="store_true", help="delete all of it, after asking")
    progress.add_argument("--yes", action="store_true", help="do not ask")
    return parser


def _number(text: str, kind: type, what: str, fits: Callable[[float], bool]) -> float:
    """An option's number, or argparse's error with what it should have been."""
    try:
        value = kind(text)
        if fits(value):
            return value
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not {what}")


def _positive(text: str) -> float:
    return _number(text, int, "a whole number, 1 or more", lambda value: value >= 1)


def _port(text: str) -> float:
    return _number(text, int, "a port, 1 to 65535", lambda value: 1 <= value <= 65535)


def _seed(text: str) -> float:
    return _number(text, int, "a whole number from 0 to 4294967295", lambda value: 0 <= value < 2**32)


def _not_negative(text: str) -> float:
    return _number(text, float, "a number, 0 or more", lambda value: 0 <= value < float("inf"))


def _above_zero(text: str) -> float:
    return _number(text, float, "a number above 0", lambda value: 0 < value < float("inf"))


def _pace(text: str) -> float:
    return _number(text, float, "a number above 0 and at most 50", lambda value: 0 < value <= 50)


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of column names, as in length,width")
    return names
