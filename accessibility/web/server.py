"""The page as a server: one process, nothing from the internet, loopback unless told otherwise.

Bokeh's server, since it is there already: the offline map is drawn with Bokeh, its wheel carries
the browser's code (1.3 MB, the core alone), and it keeps one document for each visitor over one
connection. Panel would add widgets of its own, Dash with dash-leaflet a second map that looks
otherwise than the offline one.
"""

from __future__ import annotations

import contextlib
import gc
import ipaddress
import json
import logging
import secrets
import socket
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from typing import Any

from accessibility.errors import MissingInputError, OutputError, SettingError
from accessibility.study.study import Study
from accessibility.web.desk import Desk
from accessibility.web.page_words import page_words, preferred
from accessibility.web.workers import Workers

try:
    from bokeh.application import Application
    from bokeh.application.handlers import FunctionHandler
    from bokeh.document import Document
    from bokeh.models import CustomJS
    from bokeh.server.server import Server
    from jinja2 import Environment

    from accessibility.web.drawing import LAYERS
    from accessibility.web.ground import Ground, ground_of
    from accessibility.web.steps import MOST_FILE_BYTES
    from accessibility.web.visitor import Visitor
except ImportError as error:
    raise MissingInputError(
        'the page needs bokeh: pip install "accessibility-toolkit[web]".'
    ) from error

MOST_MESSAGE_BYTES = 1_000_000
"""Of one message of a browser; a scenario file is limited to less before it is sent."""

UNUSED_S = 60
"""A visitor who has left is forgotten after so long; the scenario is in the page's address."""


class PageServer:
    """The page of one study on a port.

    Parameters
    ----------
    study : Study
    host : str
        Address to listen on.
    port : int
        0 takes any that is free.
    lang : {"en", "fr"}, optional
        Language at first; the reader's own if absent.

    Raises
    ------
    OutputError
        If the port is taken, or the host is none of this machine's.
    SettingError
        For another language, or a host that is neither a name nor of the form 127.0.0.1.
    """

    def __init__(
        self, study: Study, *, host: str = "127.0.0.1", port: int = 0, lang: str | None = None
    ) -> None:
        if lang is not None:
            page_words(lang)  # refuses a language that it does not speak
        self._lang = lang
        if ":" in host:
            raise SettingError(f"the host is {host!r}; a name or an address such as 127.0.0.1 "
                               "is expected.")  # fmt: skip
        port = _free_port(host, port)
        self._server = _listen(self._open, host, port)
        self._workers = Workers()
        # the times are searched beside what Python itself does
        with ThreadPoolExecutor(1) as beside:
            desk = beside.submit(Desk, study)
            self._ground = ground_of(study)
            self._desk = desk.result()
        self._page = _page_of(self._desk, self._ground)
        self._template = Environment(autoescape=False).from_string(
            (files("accessibility.web") / "page.html").read_text(encoding="utf-8")
        )
        self.visitors: set[Visitor] = set()
        self.host, self.port = host, port

    @property
    def address(self) -> str:
        """Where a browser on this machine finds the page."""
        shown = "127.0.0.1" if _is_any(self.host) else self.host
        return f"http://{shown}:{self.port}/"

    def run(self) -> None:
        """Answer until interrupted."""
        self._server.start()
        # Bokeh collects the garbage twice for each visitor who leaves: not among what stays
        gc.collect()
        gc.freeze()
        try:
            self._server.io_loop.start()
        except KeyboardInterrupt:
            pass
        finally:
            gc.unfreeze()
            self._workers.stop()
            self._server.stop()

    def stop(self) -> None:
        """End `run`, from any thread."""
        self._server.io_loop.add_callback(self._server.io_loop.stop)

    def _open(self, document: Document) -> None:
        """Make the document of a new visitor."""
        request = document.session_context.request
        asked = {
            key: values[0].decode("utf-8", "replace")
            for key, values in request.arguments.items()
            if values
        }
        lang = asked.get("lang")
        if lang not in ("en", "fr"):
            header = request.headers.get("Accept-Language")
            lang = self._lang or preferred(header, otherwise="en")
        visitor = Visitor(
            self._desk, self._workers, self._ground, lang=lang, address=asked.get("s", ""),
            later=document.add_next_tick_callback,
        )  # fmt: skip
        self.visitors.add(visitor)

        def left(_context: Any) -> None:
            visitor.close()
            self.visitors.discard(visitor)

        document.on_session_destroyed(left)
        document.title = page_words(lang)["page_title"].format(place=self._desk.study.title)
        document.template = self._template
        document.template_variables.update(self._page, lang=lang)
        document.js_on_event("connection_lost", CustomJS(code="window.accessibilityPage?.lost()"))
        document.add_root(visitor.drawing.plot)


def _page_of(desk: Desk, ground: Ground) -> dict[str, str]:
    """What is the same in every visitor's page: style, script, the communes."""
    report, web = files("accessibility.report"), files("accessibility.web")

    def read(*paths: Any) -> str:
        return "\n".join(path.read_text(encoding="utf-8") for path in paths)

    communes = desk.start.by_commune
    told = {
        "communes": {
            "code": communes["code"].tolist(), "name": communes["name"].tolist(),
            "box": ground.boxes,
        },
        "box": ground.box,
        "study": desk.study.name,
        "cantons": bool(ground.cantons["xs"]),
        "layers": [
            layer for layer in LAYERS
            if layer[0] != "background" or ground.tiled
        ],
        "most_bytes": MOST_FILE_BYTES,
    }  # fmt: skip
    text = json.dumps(told, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return {
        "style": read(report / "map_page.css", web / "page.css"),
        "script": read(report / "map_parts.js", web / "page.js"),
        # nothing in it ends the element
        "ground": text.replace("<", "\\u003c"),
    }


def _listen(opened: Any, host: str, port: int) -> Server:
    # a visitor who leaves is no fault
    logging.getLogger("bokeh.server.views.ws").setLevel(logging.ERROR)
    return Server(
        {"/": Application(FunctionHandler(opened))},
        address=host,
        port=port,
        allow_websocket_origin=[f"{name}:{port}" for name in _names(host)],
        websocket_max_message_size=MOST_MESSAGE_BYTES,
        unused_session_lifetime_milliseconds=round(UNUSED_S * 1000),
        check_unused_sessions_milliseconds=round(UNUSED_S * 1000 / 12),
        include_headers=["Accept-Language"],
        include_cookies=[],
        # nobody chooses the session of somebody else
        sign_sessions=True,
        secret_key=secrets.token_hex(32),
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address.

    Examples
    --------
    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_any(host: str) -> bool:
    return host in ("", "0.0.0.0")


def _names(host: str) -> list[str]:
    """Names by which a browser may call the page; another site's page may not open it."""
    names = {host} - {"", "0.0.0.0"}
    if is_loopback(host) or _is_any(host):
        names |= {"127.0.0.1", "localhost"}
    if _is_any(host):
        names |= {socket.gethostname(), socket.getfqdn()}
        with contextlib.suppress(OSError):
            names |= set(socket.gethostbyname_ex(socket.gethostname())[2])
    return sorted(names)


def _free_port(host: str, port: int) -> int:
    """The port, or any that is free for 0; refused here, before all work, if it is not."""
    with socket.socket() as found:
        # as the server does: a port that was just left is free
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((host, port))
        except OSError as error:
            raise OutputError(
                f"the page cannot listen on {host}, port {port}: {error.strerror}; another --port, "
                "or a --host of this machine, is expected."
            ) from error
        return int(found.getsockname()[1])
