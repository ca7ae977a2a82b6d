"""``creditgate serve``: the check service.

Invariant: on SQLite one service at most runs on a store; it ends after answering what it has begun.
"""

from __future__ import annotations

import socket

import click

from connector.cli.alone import alone
from connector.cli.home import runtime
from connector.cli.output import say

LAST_ANSWERS_SECONDS = 10
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@click.command("serve", short_help="Run the check service that the CRM plugins call.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0: any free one."
)
@click.pass_context
def command(ctx: click.Context, host: str, port: int) -> None:
    """Answer order checks and take the CRMs' events in, until SIGTERM or Ctrl-C.

    What the CRMs tell of is read again every few seconds (hooks_every_seconds in the configuration).
    """
    from connector.api import background, create_app
    from connector.store import checkpoints

    with runtime(ctx) as home, alone(home.store), checkpoints.beside(home.store):
        app = create_app(home)
        with _listening(host, port) as listener:
            if host not in _LOOPBACK:
                say("API keys travel as they are: let a proxy with TLS stand before this address")
            with background.running(home, app.state.hooks, app.state.rules):
                _run(app, listener)
    say("stopped")


def _listening(host: str, port: int) -> socket.socket:
    from connector.errors import Halt

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as fault:
        raise Halt(
            f"cannot listen: {fault.strerror or fault}",
            where=f"{host}:{port}",
            todo="choose another --host or --port",
        ) from None


def _run(app: object, listener: socket.socket) -> None:
    import uvicorn

    host, port = listener.getsockname()[:2]
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    class Server(uvicorn.Server):
        """Ends by a signal as by a wish, not as by a blow: the exit code stays 0."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            say(f"the check service listens on {address}")

        def handle_exit(self, sig: int, frame: object) -> None:
            self.force_exit = self.should_exit  # the second signal does not wait for answers
            self.should_exit = True

    settings = uvicorn.Config(
        app,  # type: ignore[arg-type]
        log_config=None,  # what it says goes where our logs go, without its text
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=LAST_ANSWERS_SECONDS,
    )
    Server(settings).run(sockets=[listener])
