"""One connection to a hub: SignalR's JSON protocol over a WebSocket."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from .messages import ConduitError

END = "\x1e"
ANSWER_SECONDS = 30
PING_SECONDS = 15


class HubConnection:
    """`open` one, `invoke` methods; `push` hears every call of the server. Once lost, it is done for: open another."""

    def __init__(self, socket: ClientConnection, connection_id: str, push: Callable[[str, list[Any]], None]) -> None:
        self.connection_id = connection_id
        self.may_reconnect = True
        """Whether the server, when it said good-bye, left it open to come back."""
        self.is_open = True
        self._socket = socket
        self._push = push
        self._calls: dict[str, asyncio.Future[Any]] = {}
        self._number = 0

    @classmethod
    async def open(
        cls, http: httpx.AsyncClient, address: str, key: str, push: Callable[[str, list[Any]], None]
    ) -> "HubConnection":
        """Raises `ConduitError` where the gateway refuses or cannot be reached."""
        try:
            # Asking first tells a refused key, with the gateway's own words, from a gateway that is away.
            negotiated = await http.post(f"{address}/negotiate?negotiateVersion=1")
        except httpx.TransportError as error:
            raise ConduitError(f"The gateway cannot be reached: {error!r}") from error
        if negotiated.is_error:
            raise ConduitError(error_message(negotiated, "The hub refused"), negotiated.status_code)
        ids = negotiated.json()
        url = f"{address.replace('http', 'ws', 1)}?id={ids['connectionToken']}"
        try:
            # Dead connections are noticed by its own pings, within 40 s; a result may be longer than a usual message.
            socket = await connect(url, additional_headers={"Authorization": f"Bearer {key}"}, max_size=2**22)
        except Exception as error:
            raise ConduitError(f"The hub cannot be reached: {error}") from error
        hub = cls(socket, ids["connectionId"], push)
        try:
            await hub._send({"protocol": "json", "version": 1})
            refused = json.loads((await asyncio.wait_for(socket.recv(), ANSWER_SECONDS)).split(END)[0]).get("error")
        except (ConnectionClosed, TimeoutError) as error:
            await socket.close()
            raise ConduitError("The hub did not answer the handshake") from error
        if refused is not None:
            await socket.close()
            raise ConduitError(refused)
        return hub

    async def invoke(self, target: str, *arguments: Any) -> Any:
        """What the method answers. Raises `ConduitError` where it refuses, or the connection is lost meanwhile."""
        self._number += 1
        call = str(self._number)
        answer = self._calls[call] = asyncio.get_running_loop().create_future()
        try:
            await self._send({"type": 1, "invocationId": call, "target": target, "arguments": [*arguments]})
            return await asyncio.wait_for(answer, ANSWER_SECONDS)
        except (ConnectionClosed, TimeoutError) as error:
            raise ConduitError(f"The hub did not answer {target}") from error
        finally:
            self._calls.pop(call, None)

    async def run(self) -> None:
        """Reads until the connection ends; raises why, where anything is said about it."""
        pinging = asyncio.create_task(self._ping())
        try:
            async for frame in self._socket:
                for text in filter(None, frame.split(END)):
                    self._read(json.loads(text))
        finally:
            self.is_open = False
            pinging.cancel()
            await self._socket.close()
            for answer in self._calls.values():
                if not answer.done():
                    answer.set_exception(ConduitError("The connection to the hub was lost"))

    async def close(self) -> None:
        await self._socket.close()

    def _read(self, message: dict[str, Any]) -> None:
        match message:
            case {"type": 1, "target": target, "arguments": arguments}:
                self._push(target, arguments)
            case {"type": 3, "invocationId": call}:
                answer = self._calls.get(call)
                if answer is None or answer.done():
                    return
                if "error" in message:
                    answer.set_exception(ConduitError(message["error"].rpartition("HubException: ")[2]))
                else:
                    answer.set_result(message.get("result"))
            case {"type": 7}:
                self.may_reconnect = message.get("allowReconnect", False)
                if "error" in message:
                    raise ConduitError(message["error"])

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(PING_SECONDS)
            try:
                await self._send({"type": 6})
            except ConnectionClosed:
                return

    async def _send(self, message: dict[str, Any]) -> None:
        await self._socket.send(json.dumps(message) + END)


def error_message(response: httpx.Response, otherwise: str) -> str:
    """Of the gateway's error envelope; a proxy in between may have answered something else."""
    try:
        return response.json()["error"]["message"]
    except (ValueError, KeyError, TypeError):
        return f"{otherwise}: {response.status_code}"
