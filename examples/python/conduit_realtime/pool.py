"""Some connections that many coroutines share, each held by one at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .client import DEFAULT_URL, ConduitRealtimeClient


class ConduitConnectionPool:
    """
    At most `pool_size` connections; whoever finds all of them held waits in line. A connection that is down when its turn comes is
    connected again.

        async with pool.connection() as client:
            await client.generate_image(...)
    """

    def __init__(self, virtual_key: str, pool_size: int = 5, base_url: str = DEFAULT_URL) -> None:
        self._clients = [ConduitRealtimeClient(virtual_key, base_url) for _ in range(pool_size)]
        self._free: asyncio.LifoQueue[ConduitRealtimeClient] = asyncio.LifoQueue()
        self._held: set[ConduitRealtimeClient] = set()

    async def initialize(self) -> None:
        """Connects all of them; raises where one cannot be connected, and then leaves none open."""
        connected = (client.connect("image") for client in self._clients)
        for error in await asyncio.gather(*connected, return_exceptions=True):
            if error is not None:
                await self.close()
                raise error
        for client in self._clients:
            self._free.put_nowait(client)

    async def acquire(self) -> ConduitRealtimeClient:
        client = await self._free.get()
        try:
            if not client.is_connected:
                await client.connect("image")
        except BaseException:
            self._free.put_nowait(client)
            raise
        self._held.add(client)
        return client

    def release(self, client: ConduitRealtimeClient) -> None:
        if client not in self._held:
            raise ValueError("This client is not held: it was released before, or is not of this pool")
        self._held.remove(client)
        self._free.put_nowait(client)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[ConduitRealtimeClient]:
        client = await self.acquire()
        try:
            yield client
        finally:
            self.release(client)

    async def close(self) -> None:
        await asyncio.gather(*(client.__aexit__() for client in self._clients))
