# The echo, by Python's websocket-client, which knows no extension:
#
#     by_websocket_client.py url

import json
import os
import struct
import sys

import websocket
from websocket import ABNF

TEXT = "plain é 张 🦞\n"


def echo(url):
    ws = websocket.create_connection(url, timeout=60)

    for size in 0, 1, 125, 126, 127, 65535, 65536, 1 << 20:
        text = (TEXT * size)[:size]

        ws.send(text)
        assert ws.recv() == text, size

        data = os.urandom(size)

        ws.send_binary(data)
        assert ws.recv() == data, size

    # in fragments, within characters

    parts = [bytes([byte]) for byte in TEXT.encode()]

    for i, part in enumerate(parts):
        ws.send_frame(ABNF.create_frame(
            part, ABNF.OPCODE_CONT if i else ABNF.OPCODE_TEXT,
            1 if i == len(parts) - 1 else 0))

    assert ws.recv() == TEXT

    ws.ping("are you there")
    assert ws.recv_frame().data == b"are you there"

    for message in os.urandom(16 << 20), os.urandom(4 << 20):
        ws.send_binary(message)
        assert ws.recv() == message

    ws.send_close(4000, b"enough")
    opcode, data = ws.recv_data(control_frame=True)
    assert opcode == ABNF.OPCODE_CLOSE

    return {"code": struct.unpack("!H", data[:2])[0]}


print(json.dumps(echo(sys.argv[1])))
