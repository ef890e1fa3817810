"""A real RabbitMQ for a test session."""

import os
import secrets
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from pynenc.testing.servers.guarded_process import GuardedProcess
from pynenc.testing.servers.server import LOOPBACK, Server, find_program, free_port

#: Debian's program of the same name on the path changes the user and the folders; behind it stands the real one.
_SERVER = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server")
_CONTROL = ("/usr/lib/rabbitmq/bin/rabbitmqctl", "rabbitmqctl")
_CONTROL_SECONDS = 60.0

_GREETING = b"AMQP\x00\x00\x09\x01"
#: A method frame (1) on channel 0; what follows is ``connection.start``.
_START_FRAME = b"\x01\x00\x00"


class RabbitMQServer(Server):
    """One node of RabbitMQ, with an Erlang name service of its own, on private ports."""

    name: ClassVar[str] = "RabbitMQ"

    def __init__(self, *, password: str | None = None, tls: bool = False, options: Sequence[str] = ()) -> None:
        """Settle what it is to be like; nothing runs before ``start``.

        ``password``: of ``self.user``; none given: one made up. ``options``: more lines for rabbitmq.conf.
        """
        self._program = find_program(*_SERVER, package="rabbitmq-server")
        self._control_program = find_program(*_CONTROL, package="rabbitmq-server")
        epmd = Path(find_program("epmd", package="rabbitmq-server"))
        super().__init__(tls=tls)
        self.user = "pynenc"
        self.password = password or secrets.token_hex(8)
        self._options = tuple(options)
        self._epmd_program = str(epmd)
        self._epmd: GuardedProcess | None = None
        self._epmd_port = self._node_port = 0
        self._node = f"pynenc-{secrets.token_hex(4)}@localhost"
        self._write_files()

    @property
    def url(self) -> str:
        """Where a client finds it, with the credentials."""
        scheme = "amqp" if self.certificates is None else "amqps"
        return f"{scheme}://{self.user}:{self.password}@{self.host}:{self.port}"

    def control(self, *arguments: str) -> str:
        """What ``rabbitmqctl`` says to these arguments; a second or two each time."""
        done = subprocess.run(  # noqa: S603 - the command of a test session
            [self._control_program, "--quiet", "--node", self._node, *arguments],
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=_CONTROL_SECONDS,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"rabbitmqctl {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def raise_memory_alarm(self) -> None:
        """Have it take no more messages, as it does when its memory is used up."""
        self.control("set_vm_memory_high_watermark", "0.0000001")

    def clear_memory_alarm(self) -> None:
        """Have it take messages again."""
        self.control("set_vm_memory_high_watermark", "0.4")

    def close_connections(self) -> None:
        """Close every connection of clients, as an administrator does."""
        self.control("close_all_connections", "closed by a test")

    def close(self) -> None:
        """Stop it and its name service, and remove its data."""
        self.kill()
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd = None
        super().close()

    def _write_files(self) -> None:
        cookie = self.folder / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(16), encoding="ascii")
        cookie.chmod(0o400)
        (self.folder / "enabled_plugins").write_text("[].\n", encoding="ascii")
        (self.folder / "env.conf").touch()

    def _command(self) -> Sequence[str]:
        # Erlang's nodes find each other by a name service, which would otherwise be a daemon of the machine.
        if self._epmd is None or not self._epmd.is_running():
            self._epmd_port, self._node_port = free_port(), free_port()
            self._epmd = GuardedProcess(
                [self._epmd_program, "-address", LOOPBACK, "-port", str(self._epmd_port)],
                log=self.folder / "epmd.log",
                folder=self.folder,
            )
        conf = self.folder / "rabbitmq.conf"
        conf.touch(mode=0o600)
        conf.write_text("\n".join(self._lines()) + "\n", encoding="utf-8")
        return [self._program]

    def _lines(self) -> list[str]:
        lines = [
            f"default_user = {self.user}",
            f"default_pass = {self.password}",
            "disk_free_limit.absolute = 1MB",
            "raft.wal_max_size_bytes = 16777216",
            "log.file = false",
            "log.console = true",
            "log.console.level = info",
        ]
        if self.certificates is None:
            lines.append(f"listeners.tcp.local = {self.host}:{self.port}")
        else:
            lines += [
                "listeners.tcp = none",
                f"listeners.ssl.local = {self.host}:{self.port}",
                f"ssl_options.cacertfile = {self.certificates.authority}",
                f"ssl_options.certfile = {self.certificates.certificate}",
                f"ssl_options.keyfile = {self.certificates.key}",
                "ssl_options.verify = verify_none",
                "ssl_options.fail_if_no_peer_cert = false",
            ]
        return [*lines, *self._options]

    def _environment(self) -> dict[str, str]:
        folder = self.folder
        own = {name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_"))}
        return own | {
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_DIST_PORT": str(self._node_port),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "env.conf"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            # Small, and heard on the loopback interface only.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +SDio 1 -kernel inet_dist_use_interface {127,0,0,1}",
            # The script then becomes the server instead of waiting for it: our signals reach it.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def _answers(self, connection: socket.socket) -> bool:
        connection.sendall(_GREETING)
        return connection.recv(len(_START_FRAME)) == _START_FRAME
