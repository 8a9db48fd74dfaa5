"""A server of the Model Context Protocol for the tests: over standard input and output, or HTTP with a port."""

from __future__ import annotations

import os
import sys

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("shop")


@server.tool()
def price(fruit: str, kilos: float = 1.0) -> str:
    """Tell the price of fruit."""
    return f"{fruit}: {2.5 * kilos:g} euros"


@server.tool(name="stock.list")
def stock() -> list[str]:
    """List what there is."""
    return ["apples", "pears"]


@server.tool()
def fail() -> str:
    """Fail."""
    raise ToolError("the till is closed")


@server.tool()
def die() -> str:
    """End the server."""
    os._exit(1)


@server.tool()
def secret(name: str) -> str:
    """Tell a variable of the environment."""
    return os.environ.get(name, "unset")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run(transport="streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        server.run(transport="stdio")
