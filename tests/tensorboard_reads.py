# SPDX-License-Identifier: BSD-3-Clause
"""TensorBoard's own reader, without TensorFlow, against an event file that libae wrote.

    tensorboard_reads.py probe        status 0 when tensorboard and PIL are there, else 77
    tensorboard_reads.py check DIR    compare the event files of DIR with DIR/expected: lines of
                                          scalar TAG STEP SECONDS VALUE
                                          image TAG STEP SECONDS WIDTH HEIGHT CHANNELS FILE
                                      with tabs between fields, values as C's %a, FILE raw pixels
    tensorboard_reads.py steps DIR    compare the steps of all files together with DIR/steps: TAG FIRST LAST EVERY,
                                          with tabs, each step once and in order
    tensorboard_reads.py cut DIR      cut the one event file of DIR at every byte of its last record
"""
import glob
import io
import math
import os
import sys

try:
    import numpy
    import PIL.Image
    from tensorboard.backend.event_processing import (event_accumulator, event_file_loader,
                                                         plugin_event_accumulator)
except ImportError as missing:
    print(f"tensorboard_reads.py: {missing}")
    sys.exit(77)

MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def same(found, wanted):
    return math.isnan(found) and math.isnan(wanted) or found == wanted


def check_scalars(events, wanted):
    for tag, points in wanted.items():
        found = events.Scalars(tag)
        assert len(found) == len(points), f"{tag}: {len(found)} points, not {len(points)}"
        for event, (step, seconds, value) in zip(found, points):
            value = float(numpy.float32(float.fromhex(value)))
            assert event.step == int(step) and event.wall_time == float.fromhex(seconds), (tag, event)
            assert same(event.value, value), f"{tag}, step {step}: {event.value!r}, not {value!r}"


def check_images(events, folder, wanted):
    for tag, pictures in wanted.items():
        found = events.Images(tag)
        assert len(found) == len(pictures), f"{tag}: {len(found)} pictures, not {len(pictures)}"
        for event, (step, seconds, width, height, channels, name) in zip(found, pictures):
            picture = PIL.Image.open(io.BytesIO(event.encoded_image_string))
            assert event.step == int(step) and event.wall_time == float.fromhex(seconds), (tag, step)
            assert (event.width, event.height) == picture.size == (int(width), int(height)), (tag, picture.size)
            assert picture.format == "PNG" and picture.mode == MODES[int(channels)], (picture.format, picture.mode)
            with open(f"{folder}/{name}", "rb") as pixels:
                assert picture.tobytes() == pixels.read(), f"{tag}, step {step}: other pixels"


def check(folder):
    wanted = {"scalar": {}, "image": {}}
    with open(f"{folder}/expected", encoding="utf-8") as lines:
        for line in lines:
            kind, tag, *fields = line.rstrip("\n").split("\t")
            wanted[kind].setdefault(tag, []).append(fields)
    events = event_accumulator.EventAccumulator(folder, size_guidance={"scalars": 0, "images": 0, "tensors": 0})
    events.Reload()
    tags = events.Tags()
    assert sorted(tags["scalars"]) == sorted(wanted["scalar"]), tags
    assert sorted(tags["images"]) == sorted(wanted["image"]), tags
    check_scalars(events, wanted["scalar"])
    check_images(events, folder, wanted["image"])
    count = {kind: sum(map(len, tags.values())) for kind, tags in wanted.items()}
    print(f"tensorboard_reads.py: {count['scalar']} scalars and {count['image']} images as they were written")


def steps(folder):
    # What `tensorboard` itself reads with (all kinds of values as tensors), and the older reader.
    for reader, kind in (plugin_event_accumulator, "tensors"), (event_accumulator, None):
        events = reader.EventAccumulator(folder, size_guidance={"scalars": 0, "images": 0, "tensors": 0})
        events.Reload()
        with open(f"{folder}/steps", encoding="utf-8") as lines:
            for line in lines:
                tag, first, last, every = line.rstrip("\n").split("\t")
                points = (events.Tensors(tag) if kind else
                          events.Images(tag) if tag in events.Tags()["images"] else events.Scalars(tag))
                found = [event.step for event in points]
                assert found == list(range(int(first), int(last) + 1, int(every))), (tag, found)


def load(path):
    return [event.SerializeToString() for event in event_file_loader.EventFileLoader(path).Load()]


def record_lengths(data):
    lengths, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 8], "little") + 16
        lengths.append(size)
        at += size
    assert at == len(data)
    return lengths


def cut(folder):
    (path,) = glob.glob(f"{folder}/events.out.tfevents.*")
    with open(path, "rb") as file:
        data = file.read()
    whole, last = load(path), record_lengths(data)[-1]
    assert len(whole) == len(record_lengths(data)) > 1
    for length in range(len(data) - last, len(data)):
        with open(f"{folder}/cut.tfevents", "wb") as file:
            file.write(data[:length])
        assert load(f"{folder}/cut.tfevents") == whole[:-1], f"cut off at byte {length}"
    os.remove(f"{folder}/cut.tfevents")
    print(f"tensorboard_reads.py: all but the last record read from {last} files that were cut off")


if sys.argv[1] != "probe":
    {"check": check, "cut": cut, "steps": steps}[sys.argv[1]](sys.argv[2])
