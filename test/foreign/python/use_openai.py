"""Uses a gateway as any program with OpenAI's own library does; says one line of JSON for each thing it saw.

use_openai.py <address> <key> <part>, where <part> is `paid` (OpenAI's models stand behind it) or `local` (the built-in ones do).
"""

import base64
import json
import struct
import sys
import warnings
import zlib

import openai

# The library marks its calls for films as old.
warnings.simplefilter("ignore", DeprecationWarning)

PAID_MODEL = "gpt-image-2.6-flare"


def say(name, **fields):
    print(json.dumps({"saw": name, **fields}), flush=True)


def type_of(data):
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    return "webm" if data.startswith(b"\x1a\x45\xdf\xa3") else "unknown"


def type_of_text(text):
    return type_of(base64.b64decode(text))


def small_png():
    def chunk(name, data):
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 0)
    rows = (b"\x00" + b"\x80" * 12) * 4
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def paid(client):
    made = client.images.generate(model=PAID_MODEL, prompt="a red boat", n=2, size="1536x864")
    say("generate", types=[type_of_text(image.b64_json) for image in made.data], size=made.size)

    edited = client.images.edit(
        model=PAID_MODEL,
        prompt="make it blue",
        image=[("first.png", small_png(), "image/png"), ("second.png", small_png(), "image/png")],
        mask=("mask.png", small_png(), "image/png"),
    )
    say("edit", types=[type_of_text(image.b64_json) for image in edited.data])

    stream = client.images.generate(model=PAID_MODEL, prompt="a red boat", stream=True, partial_images=2)
    events = list(stream)
    say(
        "stream",
        events=[event.type for event in events],
        indexes=[event.partial_image_index for event in events if event.type.endswith("partial_image")],
        types=[type_of_text(event.b64_json) for event in events],
    )

    stream = client.images.edit(
        model=PAID_MODEL,
        prompt="make it blue",
        image=("first.png", small_png(), "image/png"),
        stream=True,
        partial_images=1,
    )
    say("edit stream", events=[event.type for event in stream])

    try:
        client.images.generate(model=PAID_MODEL, prompt="a red boat", size="1000x1")
    except openai.BadRequestError as error:
        say("refusal", param=error.param, code=error.code)
    say("models", has=PAID_MODEL in [model.id for model in client.models.list()])


def local(client):
    made = client.images.generate(model="dall-e-3", prompt="a red boat", size="256x256", response_format="b64_json")
    say("generate", types=[type_of_text(image.b64_json) for image in made.data])
    linked = client.images.generate(model="dall-e-3", prompt="a red boat", size="256x256")
    say("link", links=[image.url is not None for image in linked.data])

    try:
        client.images.edit(model="local/canvas", prompt="make it blue", image=("first.png", small_png(), "image/png"))
    except openai.BadRequestError as error:
        say("edit refused", param=error.param, code=error.code)

    video = client.videos.create_and_poll(prompt="a fox", seconds="1", size="128x72", poll_interval_ms=50)
    say("film", status=video.status, progress=video.progress, seconds=video.seconds, size=video.size, model=video.model)
    again = client.videos.retrieve(video.id)
    say("retrieve", same=again.id == video.id, status=again.status)
    say("content", type=type_of(client.videos.download_content(video.id).read()))
    say("list", first=client.videos.list(limit=1).data[0].id == video.id)
    say("delete", deleted=client.videos.delete(video.id).deleted)
    try:
        client.videos.retrieve(video.id)
    except openai.NotFoundError as error:
        say("gone", code=error.code)


def main():
    address, key, part = sys.argv[1:]
    client = openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0, timeout=60)
    {"paid": paid, "local": local}[part](client)


main()
