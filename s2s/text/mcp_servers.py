"""Servers of the Model Context Protocol, whose functions the language model may call."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from concurrent.futures import TimeoutError as TookTooLong
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import msgspec

from s2s.settings import Tool
from s2s.text.functions import NAME, said
from s2s.text.toolbox import Runner, Toolbox

log = logging.getLogger("s2s.tools")


@dataclass(kw_only=True)
class Server:
    """How a server is reached: by a `command` that speaks over its standard input and output, or under a `url`.

    `env` names the variables of this process that the command is given besides HOME, PATH and their like; `token_env`
    the one with the bearer token of the url. `only` leaves out all functions but these.
    """

    __pydantic_config__ = {"extra": "forbid"}

    command: list[str] = field(default_factory=list)
    url: str = ""
    env: list[str] = field(default_factory=list)
    token_env: str = ""
    only: list[str] | None = None


@dataclass(kw_only=True)
class McpTools(Toolbox):
    """Functions of MCP servers, beside Python ones; a server that is lost is connected to again at the next call."""

    servers: dict[str, Server] = field(default_factory=dict)
    start_s: float = 30.0

    needs = ("mcp",)
    extra = "mcp"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, server in self.servers.items():
            if bool(server.command) == bool(server.url):
                raise ValueError(f"servers.{name}: give either a command or a url")

    def load(self) -> None:
        """Connect to the servers and ask for their functions; raise OSError where one does not answer."""
        super().load()
        try:
            assert self._backstage is not None
            connected = {name: Connection(name, server) for name, server in self.servers.items()}
            begun = {name: self._backstage.do(one.begin()) for name, one in connected.items()}
            for name, future in begun.items():
                self._take(self._named(connected[name], self._listed(name, future)))
        except BaseException:
            self.close()
            raise

    def _listed(self, name: str, future: Any) -> list[Tool]:
        try:
            listed: list[Tool] = future.result(self.start_s)
        except TookTooLong as error:
            raise OSError(
                f"servers.{name}: no answer within {self.start_s:g} s; see whether it starts, or raise start_s"
            ) from error
        except Exception as error:
            raise OSError(f"servers.{name}: {said(_cause(error))}; see whether the command or url is right") from error
        return listed

    def _named(self, connection: Connection, listed: list[Tool]) -> list[Runner]:
        """Return a server's functions under names that no other has and that APIs take."""
        found: list[Runner] = []
        for tool in listed:
            name = re.sub(r"[^a-zA-Z0-9_-]", "_", tool.name)
            if name in self._runners or any(name == one.tool.name for one in found):
                name = f"{re.sub(r'[^a-zA-Z0-9_-]', '_', connection.name)}_{name}"
            if not NAME.fullmatch(name):
                log.warning("servers.%s: '%s' is too long a name for a function; left out", connection.name, tool.name)
                continue
            found.append(Remote(connection, tool.name, msgspec.structs.replace(tool, name=name)))
        return found


class Remote:
    """A server's function."""

    def __init__(self, connection: Connection, name: str, tool: Tool) -> None:
        self.tool = tool
        self._connection = connection
        self._name = name

    async def call(self, arguments: dict[str, Any]) -> str:
        """Return the text of its result; raise RuntimeError where the server says that it has failed."""
        result = await self._connection.call(self._name, arguments)
        text = "\n".join(_text(part) for part in result.content)
        if result.is_error:
            raise RuntimeError(text)
        return text or "done"


class Connection:
    """A connection to one server, held by a task of its own; all of it runs backstage."""

    def __init__(self, name: str, server: Server) -> None:
        self.name = name
        self._server = server
        self._client: asyncio.Future[Any] | None = None
        self._lost = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()

    async def begin(self) -> list[Tool]:
        """Connect, and return the server's functions."""
        client = await self._connected()
        found: list[Any] = []
        page = await client.list_tools()
        found += page.tools
        while page.next_cursor:
            page = await client.list_tools(cursor=page.next_cursor)
            found += page.tools
        only = self._server.only
        if only is not None and (strange := set(only) - {tool.name for tool in found}):
            names = ", ".join(tool.name for tool in found)
            raise ValueError(f"it has no function '{sorted(strange)[0]}'; it has {names or 'none'}")
        return [
            Tool(name=tool.name, description=tool.description or "", parameters=tool.input_schema, here=True)
            for tool in found
            if only is None or tool.name in only
        ]

    async def call(self, name: str, arguments: dict[str, Any]) -> Any:
        """Call a function; a call that fails without an answer of the server's ends the connection."""
        from mcp import MCPError

        client = await self._connected()
        try:
            return await client.call_tool(name, arguments)
        except MCPError as error:
            if error.code in (-32602, -32601, -32603):  # the request is wrong or refused: the server is there
                raise
            self._lost.set()
            raise
        except Exception:
            self._lost.set()
            raise

    async def _connected(self) -> Any:
        async with self._lock:
            if self._task is None or self._task.done() or self._lost.is_set():
                if self._task is not None:
                    await asyncio.wait([self._task])
                self._lost = asyncio.Event()
                self._client = asyncio.get_running_loop().create_future()
                self._task = asyncio.create_task(self._hold(self._client, self._lost))
        assert self._client is not None
        return await asyncio.shield(self._client)

    async def _hold(self, ready: asyncio.Future[Any], lost: asyncio.Event) -> None:
        try:
            async with AsyncExitStack() as stack:
                ready.set_result(await stack.enter_async_context(await self._client_of(stack)))
                await lost.wait()
        except Exception as error:
            if not ready.done():
                ready.set_exception(error)
            else:
                log.warning("servers.%s: %s", self.name, said(_cause(error)))
        finally:
            lost.set()
            ready.cancel()

    async def _client_of(self, stack: AsyncExitStack) -> Any:
        from mcp import Client, StdioServerParameters
        from mcp.client.streamable_http import streamable_http_client

        server = self._server
        if server.url:
            token = os.environ.get(server.token_env, "") if server.token_env else ""
            if server.token_env and not token:
                raise ValueError(f"{server.token_env} is not set")
            if not token:
                return Client(server.url)
            from httpx2 import AsyncClient

            http = await stack.enter_async_context(AsyncClient(headers={"Authorization": f"Bearer {token}"}))
            return Client(streamable_http_client(server.url, http_client=http))
        env = {name: os.environ[name] for name in server.env if name in os.environ}
        return Client(StdioServerParameters(command=server.command[0], args=server.command[1:], env=env))


def _text(part: Any) -> str:
    """Return a part of a result as text; a picture or a sound is only named."""
    if part.type == "text":
        return str(part.text)
    inner = getattr(getattr(part, "resource", None), "text", None)
    return str(inner) if inner is not None else f"({part.type})"


def _cause(error: BaseException) -> BaseException:
    """Return the error inside a group of one."""
    while (inner := getattr(error, "exceptions", None)) and len(inner) == 1:
        error = inner[0]
    return error
