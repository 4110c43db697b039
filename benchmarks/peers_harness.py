"""What the process of one engine tells of itself: how it got ready, its answers, and their time.

    python peers_ENGINE.py QUESTION OUT [NAME]

QUESTION is JSON of `peers.py`: "extract"; "communes", "sites" and "added" as [longitude,
latitude]; "minutes" of a reach; "began", when the process was started, by the monotonic clock;
"ready_limit_s" and "limit_s", after which the process ends itself; "leave", questions that are
not asked; "toolkit_python". OUT takes a line of JSON for each thing as it begins and as it ends, so
that what was found before a limit is kept; its folder takes what an engine prepares. Needs
nothing but Python.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

AGAIN_S = 5.0
"""What takes longer is asked once: by then, to have warmed up matters little."""

Asked = dict[str, Any]


def _same(answer: Any) -> Any:
    return answer


@dataclass(frozen=True)
class Question:
    """A call whose time counts, and one whose time does not, which makes JSON of its answer."""

    ask: Callable[[], Any]
    tell: Callable[[Any], Any] = _same


@dataclass(frozen=True)
class Engine:
    """An engine that is ready to answer."""

    version: str
    questions: dict[str, Question]


def run(ready: Callable[[Asked, Path], Engine]) -> None:
    """Get an engine ready, ask it everything twice, write what it took."""
    asked = json.loads(Path(sys.argv[1]).read_text())
    with Path(sys.argv[2]).open("w") as out:

        def write(**facts: Any) -> None:
            out.write(json.dumps(facts) + "\n")
            out.flush()

        write(begun="ready")
        signal.alarm(asked["ready_limit_s"])  # nobody handles it, so it ends the process
        engine = ready(asked, Path(sys.argv[2]).parent)
        wall_s = time.monotonic() - asked["began"]
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        write(
            ended="ready",
            version=engine.version,
            questions=list(engine.questions),
            wall_s=wall_s,
            cpu_s=sum(u.ru_utime + u.ru_stime for u in used),
            peak_mb=max(u.ru_maxrss for u in used) / 1024,
        )
        for name, question in engine.questions.items():
            if name in asked["leave"]:
                continue
            write(begun=name)
            signal.alarm(asked["limit_s"])
            answer, first_s = timed(question.ask)
            again_s = first_s
            if first_s < AGAIN_S:
                answer, again_s = timed(question.ask)
            signal.alarm(0)
            write(ended=name, first_s=first_s, again_s=again_s, answer=question.tell(answer))


def timed(ask: Callable[[], Any]) -> tuple[Any, float]:
    """What a call gives, and its wall time."""
    began = time.perf_counter()
    answer = ask()
    return answer, time.perf_counter() - began
