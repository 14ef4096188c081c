# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy that fails on demand: a server that all tests share need not.

It can refuse connections, cut those that are open, swallow what is sent (a
hole: the connection stands, nobody answers) and be slow.
"""

import asyncio
import contextlib
import socket
import struct
import threading

CHUNK = 65536

# Closing a socket with this option resets the connection.
_RESET = struct.pack('ii', 1, 0)


class Proxy:
    """A proxy in a thread of its own.

    :param host: address of the server
    :param port: port of the server
    :ivar port: port of the proxy on 127.0.0.1
    """

    def __init__(self, host, port):
        self._target = (host, port)
        self._loop = asyncio.new_event_loop()
        self._listener = None
        self._writers = set()
        self._open = asyncio.Event()
        self._open.set()
        self._delay = 0
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            self.port = probe.getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever,
                                        daemon=True)
        self._thread.start()
        self.accept()

    def close(self):
        """End the proxy and all connections."""
        self.refuse()
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @staticmethod
    async def _end():
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(
            coroutine, self._loop).result(30)

    def accept(self):
        """Serve; this undoes everything else."""
        self._do(self._accept())

    async def _accept(self):
        self._delay = 0
        self._open.set()
        if self._listener is None:
            self._listener = await asyncio.start_server(
                self._serve_to_the_end, '127.0.0.1', self.port)

    def refuse(self):
        """Refuse new connections and cut those that are open."""
        self._do(self._refuse())

    async def _refuse(self):
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self._reset()

    def cut(self):
        """Reset all connections; new ones are served."""
        self._do(self._cut())

    async def _cut(self):
        self._reset()

    def swallow(self):
        """Accept, but pass nothing on until accept() or cut()."""
        self._do(self._swallow())

    async def _swallow(self):
        self._open.clear()

    def slow(self, seconds):
        """Pass everything on after some time.

        :param seconds: delay of each piece in each direction
        """
        self._delay = seconds

    def _reset(self):
        for writer in list(self._writers):
            self._reset_one(writer)

    @staticmethod
    def _reset_one(writer):
        raw = writer.get_extra_info('socket')
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        writer.transport.abort()

    async def _serve_to_the_end(self, reader, writer):
        with contextlib.suppress(asyncio.CancelledError):
            await self._serve(reader, writer)

    async def _serve(self, reader, writer):
        self._writers.add(writer)
        try:
            await self._open.wait()
            far_reader, far_writer = await asyncio.open_connection(
                *self._target)
        except OSError:
            self._writers.discard(writer)
            writer.close()
            return
        self._writers.add(far_writer)
        await asyncio.gather(self._pump(reader, far_writer),
                             self._pump(far_reader, writer))
        self._writers.difference_update((writer, far_writer))

    async def _pump(self, reader, writer):
        try:
            while data := await reader.read(CHUNK):
                await self._open.wait()
                if self._delay:
                    await asyncio.sleep(self._delay)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()
