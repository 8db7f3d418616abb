"""Drives `jay` with the official Python SDK, over stdio and streamable HTTP.

Run with the binary's path in JAY_BIN. Every test has a home of its own and a deadline.
"""

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

import httpx2
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

DEADLINE_SECONDS = 60
START_SECONDS = 20
TOOLS_MAX = 6
TOOLS_EXPECTED = {"remember", "recall", "get"}
MEMORY = "Staging Postgres listens on 5433, not 5432"
QUESTION = "which port does staging postgres use"
# The handshake that every client in use speaks, and what the newest SDK negotiates by itself.
MODES = ("legacy", "auto")


def binary() -> str:
    path = os.environ.get("JAY_BIN")
    if not path or not os.access(path, os.X_OK):
        sys.exit("JAY_BIN does not name the binary: cargo build --release, JAY_BIN=target/release/jay")
    return str(Path(path).resolve())


def environment(home: str) -> dict[str, str]:
    return {"JAY_HOME": home, "HOME": home, "PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"}


def words(result) -> str:
    """Everything that a model would read of a tool's result."""
    text = "\n".join(part.text for part in result.content if part.type == "text")
    return text + "\n" + json.dumps(result.structured_content or {})


def is_error(result) -> bool:
    return bool(result.is_error)


@contextlib.contextmanager
def server(home: str):
    """A running `jay serve`: its address and token."""
    process = subprocess.Popen(
        [binary(), "serve", "--addr", "127.0.0.1:0"],
        env=environment(home),
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    said: list[str] = []
    found = threading.Event()
    address: list[str] = []

    def listen() -> None:
        for line in process.stderr:
            said.append(line)
            match = re.search(r"listening on (http://127\.0\.0\.1:\d+)", line)
            if match and not address:
                address.append(match.group(1))
                found.set()
        found.set()

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        if not found.wait(START_SECONDS) or not address:
            raise AssertionError("jay serve did not say where it listens:\n" + "".join(said))
        token = (Path(home) / "state" / "token").read_text().strip()
        yield address[0], token
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError("jay serve did not end when asked to") from None
        listener.join(5)
        process.stderr.close()


@contextlib.asynccontextmanager
async def over_stdio(home: str, mode: str):
    parameters = StdioServerParameters(command=binary(), args=["mcp"], env=environment(home), cwd=home)
    async with Client(parameters, mode=mode, read_timeout_seconds=DEADLINE_SECONDS) as client:
        yield client


@contextlib.asynccontextmanager
async def over_http(home: str, mode: str):
    with server(home) as (address, token):
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(headers=headers, timeout=DEADLINE_SECONDS) as http:
            transport = streamable_http_client(f"{address}/mcp", http_client=http)
            async with Client(transport, mode=mode, read_timeout_seconds=DEADLINE_SECONDS) as client:
                yield client


class Clients(unittest.TestCase):
    """The same story over each transport and handshake."""

    def drive(self, story) -> None:
        for name, connect in (("stdio", over_stdio), ("http", over_http)):
            for mode in MODES:
                with self.subTest(transport=name, mode=mode), tempfile.TemporaryDirectory() as home:
                    asyncio.run(self.in_time(connect, home, mode, story))

    async def in_time(self, connect, home: str, mode: str, story) -> None:
        # The SDK's task groups would wrap a failed assertion; it is raised once they are closed.
        failure = None
        async with asyncio.timeout(DEADLINE_SECONDS):
            async with connect(home, mode) as client:
                try:
                    await story(client)
                except Exception as error:  # noqa: BLE001
                    failure = error
        if failure is not None:
            raise failure

    def test_tools_are_few_and_described(self) -> None:
        async def story(client) -> None:
            tools = (await client.list_tools()).tools
            names = {tool.name for tool in tools}
            self.assertLessEqual(TOOLS_EXPECTED, names)
            self.assertLessEqual(len(tools), TOOLS_MAX, names)
            for tool in tools:
                self.assertTrue(tool.description, tool.name)
                self.assertEqual(tool.input_schema.get("type"), "object", tool.name)
            recall = next(tool for tool in tools if tool.name == "recall")
            self.assertTrue(recall.annotations and recall.annotations.read_only_hint, "recall only reads")
            self.assertTrue(client.instructions, "the server says when to recall and when to remember")

        self.drive(story)

    def test_what_is_remembered_is_recalled(self) -> None:
        async def story(client) -> None:
            stored = await client.call_tool("remember", {"text": MEMORY, "kind": "gotcha", "tags": ["db"]})
            self.assertFalse(is_error(stored), words(stored))
            self.assertEqual(stored.structured_content["outcome"], "created")
            identity = stored.structured_content["id"]
            found = await client.call_tool("recall", {"query": QUESTION})
            self.assertFalse(is_error(found), words(found))
            self.assertIn("5433", words(found))
            # What was stored is sent as fenced lines of text alone: clients show their model either text or structure.
            hits = [line for line in words(found).splitlines() if line.startswith("- [")]
            self.assertEqual(len(hits), 1, words(found))
            self.assertTrue(hits[0].startswith(f"- [{identity[-8:]}] "), hits[0])
            whole = await client.call_tool("get", {"ids": [identity]})
            self.assertFalse(is_error(whole), words(whole))
            self.assertIn(MEMORY, words(whole))

        self.drive(story)

    def test_bad_input_is_an_error_that_stores_nothing(self) -> None:
        async def refused(client, tool: str, arguments: dict) -> None:
            try:
                result = await client.call_tool(tool, arguments)
            except MCPError as error:
                self.fail(f"{tool} {list(arguments)}: a protocol error hides the words from the model: {error}")
            self.assertTrue(is_error(result), f"{tool} took {list(arguments)}")
            self.assertGreater(len(words(result).strip()), 10, "an error without words")

        async def story(client) -> None:
            await refused(client, "remember", {})
            await refused(client, "remember", {"text": ""})
            await refused(client, "remember", {"text": "quinquereme " * 10_000})
            await refused(client, "remember", {"text": "quinquereme", "kind": "no-such-kind"})
            await refused(client, "remember", {"text": "quinquereme", "expires_at": "no time"})
            await refused(client, "remember", {"text": "quinquereme", "importance": 7})
            await refused(client, "get", {"ids": ["ffffff00"]})
            found = await client.call_tool("recall", {"query": "quinquereme"})
            self.assertFalse(is_error(found), words(found))
            self.assertIn("No memories fit.", words(found))

        self.drive(story)

    def test_http_wants_the_token(self) -> None:
        with tempfile.TemporaryDirectory() as home, server(home) as (address, token):
            body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
            accept = {"Accept": "application/json, text/event-stream"}
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Bearer {token}x"}):
                answer = httpx2.post(f"{address}/mcp", json=body, headers={**accept, **headers}, timeout=20)
                self.assertEqual(answer.status_code, 401, headers)
            foreign = {**accept, "Authorization": f"Bearer {token}", "Origin": "https://attacker.example"}
            self.assertEqual(httpx2.post(f"{address}/mcp", json=body, headers=foreign, timeout=20).status_code, 403)


class Child(unittest.TestCase):
    """A stdio server belongs to its client."""

    def test_it_ends_with_its_input(self) -> None:
        with tempfile.TemporaryDirectory() as home:
            process = subprocess.Popen(
                [binary(), "mcp"],
                env=environment(home),
                cwd=home,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            try:
                output, _ = process.communicate(b"", timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                self.fail("jay mcp outlives its client")
            self.assertEqual(output, b"", "stdout carries the protocol only")


if __name__ == "__main__":
    unittest.main(verbosity=2)
