"""The facts of SageMaker's operations that the sandbox holds requests against, out of botocore's models of the service and of
its runtimes (whose shapes have the runtime's name in front: `a2i.HumanLoopName`; an operation's name is its own everywhere).

One line for an operation (`@`) or a shape, fields between tabs; `crates/sandbox/src/shape` reads them:

    @CreateThing    input shape, or -    output shape, or -    errors, between commas
    Thing           struct  member:Shape member:Shape ...  (`!` after a name: required)
    Things          list    Shape   least..most
    ByName          map     Shape of keys   Shape of values   least..most
    Color           enum    RED|BLUE
    Name            string  least..most     pattern
    Count           int | long | float | double     least..most
    Moment          timestamp, boolean, blob
"""

import gzip
import json
import pathlib
import re
import sys

import botocore

# Not part of what a team that serves models would miss: clusters, devices, marketplaces, capacity reservations.
ABROAD = re.compile(
    "Cluster|ComputeQuota|Device|Edge|StageDevice|Hub|PartnerApp|TrainingPlan|ReservedCapacity|UltraServer|Portfolio|AIBenchmark"
    "|AIRecommendation|AIWorkload|ResourceCatalog|StartSession"
)

SERVICES = (
    ("", "sagemaker/2017-07-24"),
    ("a2i.", "sagemaker-a2i-runtime/2019-11-07"),
    ("features.", "sagemaker-featurestore-runtime/2020-07-01"),
)


def model(path):
    return json.load(gzip.open(pathlib.Path(botocore.__file__).parent / "data" / path / "service-2.json.gz"))


def bounds(shape):
    low, high = shape.get("min", ""), shape.get("max", "")
    return f"{low}..{high}"


def line(name, shape, before):
    kind = shape["type"]
    name = before + name
    if kind == "structure":
        required = set(shape.get("required", []))
        members = [f"{n}{'!' if n in required else ''}:{before}{m['shape']}" for n, m in shape["members"].items()]
        return [name, "struct", *members]
    if kind == "list":
        return [name, "list", before + shape["member"]["shape"], bounds(shape)]
    if kind == "map":
        return [name, "map", before + shape["key"]["shape"], before + shape["value"]["shape"], bounds(shape)]
    if "enum" in shape:
        return [name, "enum", "|".join(shape["enum"])]
    if kind == "string":
        return [name, "string", bounds(shape), shape.get("pattern", "")]
    if kind in ("integer", "long", "float", "double"):
        return [name, kind, bounds(shape)]
    return [name, kind]


def reached(shapes, name, found):
    if name in found:
        return
    found.add(name)
    shape = shapes[name]
    for member in shape.get("members", {}).values():
        reached(shapes, member["shape"], found)
    for part in ("member", "key", "value"):
        if part in shape:
            reached(shapes, shape[part]["shape"], found)


def facts(before, path):
    service = model(path)
    shapes, found, lines = service["shapes"], set(), []
    for name, operation in sorted(service["operations"].items()):
        if ABROAD.search(name):
            continue
        ends = [before + operation[end]["shape"] if end in operation else "-" for end in ("input", "output")]
        errors = ",".join(error["shape"] for error in operation.get("errors", []))
        lines.append(["@" + name, *ends, errors])
        for end in ends:
            if end != "-":
                reached(shapes, end.removeprefix(before), found)
    lines.extend(line(name, shapes[name], before) for name in sorted(found))
    return "".join("\t".join(fields).rstrip("\t") + "\n" for fields in lines)


for service in SERVICES:
    sys.stdout.write(facts(*service))
