# The echo, by Python's websockets, which agrees on permessage-deflate:
#
#     by_websockets.py url

import asyncio
import json
import os
import sys

import websockets

TEXT = "plain é 张 🦞\n"


async def echo(url):
    async with websockets.connect(url, max_size=None,
                                  compression="deflate") as ws:
        for size in 0, 1, 125, 126, 127, 1000, 65535, 65536, 1 << 20:
            for message in (TEXT * size)[:size], os.urandom(size):
                await ws.send(message)
                assert await ws.recv() == message, size

        # in fragments

        for parts in list(TEXT), [os.urandom(1000)] * 100, [b"one"], ["", ""]:
            await ws.send(parts)
            assert await ws.recv() == type(parts[0])().join(parts)

        for ping in range(10):
            await (await ws.ping(os.urandom(125)))

        # 16 megabytes, once such as can be deflated and once such as can't

        for message in (TEXT * (1 << 20))[:8 << 20], os.urandom(16 << 20):
            await ws.send(message)
            assert await ws.recv() == message

        await ws.close(4000, "enough")

        return {"extensions": [str(e.name) for e in ws.extensions],
                "code": ws.close_code}


print(json.dumps(asyncio.run(echo(sys.argv[1]))))
