"""A dataset of the catalogue -> its file in an inputs folder, whole and checked, or an error.

The standard library speaks HTTP well enough; pooch, the usual library for such downloads, does
not go on where a download stopped and does not wait for a busy server. The lock is that of
filelock, which knows the ways of each operating system.

What has come stands in FILE.part until it is whole, and FILE.part.json says of which file of the
server it is a part. So a process that is killed leaves a part, which the next one goes on with,
and never a file that looks whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from email.utils import parsedate_to_datetime
from functools import partial
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

import accessibility
from accessibility.atomic import write_whole
from accessibility.errors import AccessibilityError, InputError, MissingInputError, OutputError
from accessibility.inputs.catalogue import PLACEHOLDER, Dataset, sha256

AT_ONCE = 4
PER_HOST = 2
"""Downloads under way together: few enough that no publisher takes them for an attack."""

BUSY = frozenset({429, 502, 503, 504})
WAITS_S = (2, 10, 30)
"""Waits before a busy server, or one that broke off, is asked again."""

LONGEST_WAIT_S = 600
"""Nobody waits longer before a terminal: the server's wish is told instead."""

TIMEOUT_S = 60.0
"""A server that says nothing for so long has stalled."""

POLL_S = 0.2
PIECE_BYTES = 1 << 18

RECORD = "downloads.json"
"""File beside the datasets: the sha256 that each one had when it was downloaded first."""

Advance = Callable[[Dataset, int, int | None], None]
Answer = TypeVar("Answer")


class _AgainError(Exception):
    """The server may be asked again; `anew`: what it gave so far is of no use."""

    def __init__(self, reason: str, *, wait_s: float = 0.0, anew: bool = False) -> None:
        super().__init__(reason)
        self.wait_s = wait_s
        self.anew = anew


class _StoppedError(Exception):
    """The user, or the failure of the program, ends all downloads."""


def inputs_folder() -> Path:
    """The folder of upstream files that all studies of a user share."""
    return user_cache_path("accessibility-toolkit") / "inputs"


def fetch(
    dataset: Dataset,
    folder: str | Path,
    *,
    overwrite: bool = False,
    progress: Callable[[str], None] = lambda step: None,
    advance: Advance = lambda dataset, done, total: None,
    sleep: Callable[[float], None] = time.sleep,
    timeout_s: float = TIMEOUT_S,
) -> Path:
    """Download a dataset, unless its file is there.

    A download that stopped half-way goes on where it stopped, if the server still has the same
    file. The file appears under its name once it is whole and its checksum is right.

    Parameters
    ----------
    dataset : Dataset
    folder : path
        The inputs folder.
    overwrite : bool
        Download it again and replace the file that is there.
    progress : callable
        Told each step, and each wait for a server or another process.
    advance : callable
        Told the dataset, the bytes that are there and the bytes in all (None: not known).
    sleep : callable
        Waits for a number of seconds.
    timeout_s : float
        Seconds of silence after which the server is asked again.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    MissingInputError
        If the dataset cannot be downloaded, there is no connection, or the server is busy or
        breaks off time and again.
    InputError
        If the server has no such file, or gives another one than the catalogue or the first
        download says.
    OutputError
        If the folder cannot be written.

    Examples
    --------
    >>> from accessibility.inputs.catalogue import dataset
    >>> fetch(dataset("osm_franche_comte"), "inputs")  # doctest: +SKIP
    PosixPath('inputs/osm/franche-comte-230101.osm.pbf')
    """
    folder = Path(folder)
    path = folder / dataset.file
    if not dataset.url:
        raise MissingInputError(
            f"{dataset.key} cannot be downloaded: "
            f"{dataset.made or 'it is any of the datasets osm_<region>'}."
        )
    if path.is_file() and not overwrite:
        return path
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder, dataset.file, progress, sleep):
            if path.is_file() and not overwrite:
                return path  # another process was faster
            progress(f"{dataset.key} from {dataset.url}")
            ask = partial(_patiently, progress=progress, sleep=sleep)
            ask(lambda: _receive(dataset, part, advance, timeout_s), dataset.url)
            md5 = ask(lambda: _published_md5(dataset, timeout_s), dataset.md5_url)
            _remember(folder, dataset, _check(dataset, folder, part, md5))
            part.replace(path)
            _forget(part)
    except AccessibilityError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"{path} cannot be written: {reason}.") from error
    return path


def fetch_all(
    datasets: Sequence[Dataset],
    folder: str | Path,
    *,
    overwrite: bool = False,
    progress: Callable[[str], None] = lambda step: None,
    advance: Advance = lambda dataset, done, total: None,
) -> list[Path]:
    """Download several datasets, at most four together and two from one host.

    One that fails does not stop the others. The parameters are those of `fetch`.

    Returns
    -------
    list of Path
        The files, in the order of the datasets.

    Raises
    ------
    AccessibilityError
        The error of the dataset that failed; if several did, one that tells all of them.

    Examples
    --------
    >>> from accessibility.inputs.catalogue import to_download
    >>> fetch_all(to_download(Path("inputs"), "25"), "inputs")  # doctest: +SKIP
    """
    stop, places = threading.Event(), threading.BoundedSemaphore(AT_ONCE)

    def go_on(dataset: Dataset, done: int, total: int | None) -> None:
        if stop.is_set():
            raise _StoppedError
        advance(dataset, done, total)

    def pause(seconds: float) -> None:
        if stop.wait(seconds):
            raise _StoppedError

    def one(dataset: Dataset) -> Path | AccessibilityError:
        with places:
            pause(0)
            try:
                return fetch(
                    dataset,
                    folder,
                    overwrite=overwrite,
                    progress=progress,
                    advance=go_on,
                    sleep=pause,
                )
            except AccessibilityError as error:
                return error

    hosts = [urlsplit(dataset.url).netloc for dataset in datasets]
    with ExitStack() as stack:
        pools = {host: stack.enter_context(ThreadPoolExecutor(PER_HOST)) for host in set(hosts)}
        tasks = [pools[h].submit(one, dataset) for h, dataset in zip(hosts, datasets, strict=True)]
        try:
            answers = [task.result() for task in tasks]
        except BaseException:
            stop.set()  # else the pools would wait for the downloads under way
            raise
    failed = [answer for answer in answers if isinstance(answer, AccessibilityError)]
    if len(failed) == 1:
        raise failed[0]
    if failed:
        told = "; ".join(str(error).rstrip(".") for error in failed)
        raise MissingInputError(f"{len(failed)} of {len(datasets)} downloads failed: {told}.")
    return [answer for answer in answers if isinstance(answer, Path)]


def verify(datasets: Sequence[Dataset], folder: str | Path) -> dict[str, str]:
    """Compare the files that are in an inputs folder with their checksums.

    Parameters
    ----------
    datasets : sequence of Dataset
        With a file each.
    folder : path
        The inputs folder.

    Returns
    -------
    dict of str to str
        By file, of those that are there: "as expected", "differs" or "no checksum known".

    Raises
    ------
    InputError
        If the record of downloads cannot be read.

    Examples
    --------
    >>> from accessibility.inputs.catalogue import catalogue
    >>> verify(list(catalogue().values()), "../shared/data")  # doctest: +SKIP
    """
    folder = Path(folder)
    record = _recorded(folder)
    found: dict[str, str] = {}
    for dataset in datasets:
        for path in sorted(folder.glob(dataset.file.replace(PLACEHOLDER, "*"))):
            file = path.relative_to(folder).as_posix()
            known = dataset.sha256 or record.get(file, {}).get("sha256")
            if known:
                found[file] = "as expected" if sha256(path) == known else "differs"
            else:
                found[file] = "no checksum known"
    return found


@contextmanager
def _alone(
    folder: Path, name: str, progress: Callable[[str], None], sleep: Callable[[float], None]
) -> Iterator[None]:
    """Hold the lock of a file; the system frees it when its process dies, however it dies."""
    locks = folder / ".locks"
    locks.mkdir(exist_ok=True)
    # a lock file is never removed: another process may be about to lock that very one
    lock = FileLock(locks / f"{name.replace('/', '-')}.lock")
    waits = 0
    while True:
        try:
            lock.acquire(timeout=0)
            break
        except Timeout:
            if not waits:
                progress(f"{name} is being downloaded by another process, waiting for it")
            waits += 1
            sleep(POLL_S)
    try:
        yield
    finally:
        lock.release()


def _patiently(
    ask: Callable[[], Answer],
    url: str,
    progress: Callable[[str], None],
    sleep: Callable[[float], None],
) -> Answer:
    """Ask a server, again after a wait while it is busy or breaks off."""
    attempt = 1
    while True:
        try:
            return ask()
        except _AgainError as again:
            if attempt > len(WAITS_S) or again.wait_s > LONGEST_WAIT_S:
                wish = f" and asks to wait {again.wait_s:.0f} s" if again.wait_s else ""
                raise MissingInputError(
                    f"{url} {again} at attempt {attempt}{wish}: give the command again later, it "
                    "goes on where it stopped."
                ) from again
            wait_s = max(WAITS_S[attempt - 1], again.wait_s)
            progress(f"{url} {again}, asked again in {wait_s:.0f} s")
            sleep(wait_s)
            attempt += 1


def _receive(dataset: Dataset, part: Path, advance: Advance, timeout_s: float) -> None:
    """One attempt to bring a part to its end."""
    held = _held(part, dataset.url)
    done = part.stat().st_size if held else 0
    if held and done == held["length"]:
        return  # killed between the last byte and the name
    headers = {"Range": f"bytes={done}-", "If-Range": held["validator"]} if done else {}
    try:
        with _open(dataset, dataset.url, headers, timeout_s) as answer:
            done, total = _begin(dataset, part, answer, held, done)
            with part.open("ab") as file:
                advance(dataset, done, total)
                for piece in _pieces(answer, None if total is None else total - done):
                    file.write(piece)
                    done += len(piece)
                    advance(dataset, done, total)
                file.flush()
                os.fsync(file.fileno())  # the name must not outlive the bytes in a power cut
        if total is not None and done < total:
            raise _AgainError(f"broke off at {done:,} of {total:,} bytes")
        if total is not None and done > total:
            raise _AgainError(f"sends more than the {total:,} bytes that it announced", anew=True)
    except _AgainError as again:
        if again.anew:
            _forget(part)
        raise


def _begin(
    dataset: Dataset, part: Path, answer: HTTPResponse, held: dict[str, Any], done: int
) -> tuple[int, int | None]:
    """Where in the file an answer begins, and how long the file is; the part is made ready."""
    url, headers = dataset.url, answer.headers
    if headers.get("Content-Encoding", "identity") != "identity":
        raise InputError(f"{url} sends the file packed, which was not asked for.")
    if headers.get_content_type() == "text/html":
        raise InputError(f"{url} gives a web page instead of the file; {_elsewhere(dataset)}.")
    etag = headers.get("ETag", "")
    # a weak ETag does not promise the same bytes
    validator = headers.get("Last-Modified", "") if etag[:2] in ("", "W/") else etag
    length = headers.get("Content-Length", "")
    if answer.status == 206:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", headers.get("Content-Range", ""))
        same = held and found and (int(found[1]), int(found[2])) == (done, held["length"])
        if not same or validator not in ("", held["validator"]):
            raise _AgainError("gives another file than before", anew=True)
        return done, held["length"]
    total = int(length) if length.isdecimal() else None
    if total is None and not answer.chunked and not (dataset.sha256 or dataset.md5_url):
        raise InputError(
            f"{url} does not tell how long the file is, so that nobody knows whether it is whole; "
            f"{_elsewhere(dataset)}."
        )
    _forget(part)  # before the note, which would else speak of the old part
    note = {"url": url, "validator": validator, "length": total}
    _note_of(part).write_text(json.dumps(note), encoding="utf-8")
    return 0, total


def _open(dataset: Dataset, url: str, headers: dict[str, str], timeout_s: float) -> HTTPResponse:
    """Send a request; what may get better raises `_AgainError`."""
    agent = f"accessibility-toolkit/{accessibility.__version__}"
    # packed on the way, a file has another length and other ranges
    headers = {"User-Agent": agent, "Accept-Encoding": "identity", **headers}
    try:
        answer: HTTPResponse = urlopen(Request(url, headers=headers), timeout=timeout_s)
    except HTTPError as error:
        with error:
            wait_s = seconds_asked(error.headers.get("Retry-After", ""))
            reason = " ".join(str(error.reason).split()).rstrip(".:")
        if error.code in BUSY:
            raise _AgainError(f"is busy (HTTP {error.code})", wait_s=wait_s) from error
        if error.code == 416:
            raise _AgainError("has a shorter file than before (HTTP 416)", anew=True) from error
        raise InputError(
            f"{url} answers HTTP {error.code} ({reason}); {_elsewhere(dataset)}."
        ) from error
    except (OSError, HTTPException) as error:
        reason = str(error.reason if isinstance(error, URLError) else error)
        # who is offline need not wait; a download that has begun is worth another attempt
        if isinstance(error, URLError) and "Range" not in headers:
            raise MissingInputError(f"there is no connection to {url} ({reason}).") from error
        raise _AgainError(f"broke off ({reason})") from error
    if url.startswith("https:") and not answer.url.startswith("https:"):
        answer.close()
        raise InputError(f"{url} leads to {answer.url}, which is not encrypted.")
    return answer


def _pieces(answer: HTTPResponse, length: int | None) -> Iterator[bytes]:
    """What a server sends, piece by piece, to the end of the connection.

    `http.client` would stop at the announced length, and a file whose length is announced too
    short would look whole. urllib asks the server to close the connection after the answer.
    """
    if not answer.chunked:
        answer.length = None
    done = 0
    while True:
        try:
            piece = answer.read1(PIECE_BYTES)
        except (OSError, HTTPException) as error:
            if done == length:
                return  # all is here, though the server did not close
            raise _AgainError(f"broke off ({error})") from error
        if not piece:
            return
        done += len(piece)
        yield piece


def _published_md5(dataset: Dataset, timeout_s: float) -> str:
    if not dataset.md5_url:
        return ""
    with _open(dataset, dataset.md5_url, {}, timeout_s) as answer:
        text = b"".join(_pieces(answer, None)).decode("ascii", "replace")
    found = re.match(r"\s*([0-9a-fA-F]{32})\b", text)
    if found is None:
        raise InputError(f"{dataset.md5_url} gives no MD5 checksum; {_elsewhere(dataset)}.")
    return found[1].lower()


def _check(dataset: Dataset, folder: Path, part: Path, md5: str) -> str:
    """The sha256 of a file, which is the one that catalogue, publisher and record mean."""
    digest = sha256(part)
    first = _recorded(folder).get(dataset.file, {}).get("sha256", digest)
    wrong = ""
    if dataset.sha256 and digest != dataset.sha256:
        wrong = (
            f"gives another file than the one that was held (sha256 {digest}, expected "
            f"{dataset.sha256}); {_elsewhere(dataset)}"
        )
    elif md5 and md5 != (came := _md5(part)):
        wrong = f"came with an error (MD5 {came}, expected {md5}): give the command again"
    elif digest != first and not dataset.sha256:
        wrong = (
            f"gives another file than at the first download (sha256 {digest}, then {first}): if "
            f"that is right, remove {dataset.file} from {folder / RECORD}"
        )
    if wrong:
        _forget(part)
        raise InputError(f"{dataset.url} {wrong}.")
    return digest


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _elsewhere(dataset: Dataset) -> str:
    """What to do where the address is no good."""
    tried = ", the address was never tried" if dataset.unverified else ""
    return f"look for {dataset.file} at {dataset.landing or 'its publisher'}{tried}"


def _recorded(folder: Path) -> dict[str, dict[str, str]]:
    path = folder / RECORD
    if not path.exists():
        return {}
    try:
        record: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
        known = all(isinstance(entry["sha256"], str) for entry in record.values())
    except (ValueError, AttributeError, TypeError, KeyError):
        known = False
    if not known:
        raise InputError(f"{path} is not the record of downloads that it was: mend or remove it.")
    return record


def _remember(folder: Path, dataset: Dataset, digest: str) -> None:
    with _alone(folder, RECORD, lambda step: None, time.sleep):
        record = _recorded(folder)
        record[dataset.file] = {"sha256": digest, "url": dataset.url}
        text = json.dumps(dict(sorted(record.items())), indent=2, ensure_ascii=False) + "\n"
        write_whole(folder / RECORD, lambda path: _write(path, text), overwrite=True)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _note_of(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _held(part: Path, url: str) -> dict[str, Any]:
    """What is noted of a part; nothing where it cannot be gone on with."""
    try:
        note: dict[str, Any] = json.loads(_note_of(part).read_text(encoding="utf-8"))
        fit = part.is_file() and note["url"] == url and note["validator"] and note["length"]
    except (OSError, ValueError, TypeError, KeyError):
        return {}
    return note if fit else {}


def _forget(part: Path) -> None:
    for path in (part, _note_of(part)):
        path.unlink(missing_ok=True)


def seconds_asked(retry_after: str) -> float:
    """Seconds that a header Retry-After asks for: a number, or a date to wait for."""
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return 0.0
