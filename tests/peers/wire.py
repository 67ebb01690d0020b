"""boto3 clients whose every answer is held against botocore's own model of the service.

botocore is generous: it drops members it does not know, and takes a number for a text. So both sides are looked at, what
was parsed and, where the protocol is JSON, what was sent.
"""

import datetime
import json
import re
import sys
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


# What stands in front of every operation may say this.
ANY_FAILS_WITH = {
    "AccessDeniedException",
    "ExpiredTokenException",
    "InternalFailure",
    "SerializationException",
    "ThrottlingException",
    "UnknownOperationException",
    "ValidationException",
}


class Wire:
    def __init__(self, address):
        self.address = address
        self.faults = {}
        self.calls = {}
        self.refusals = {}
        self.wrong = []
        self.session = boto3.session.Session(region_name="eu-west-1")

    def sandbox(self, path, order=None):
        """What the sandbox itself says, of its clock or of events."""
        body = json.dumps(order).encode() if order else None
        return urllib.request.urlopen(urllib.request.Request(f"{self.address}/_sandbox/{path}", body)).read().decode()

    def step(self, seconds):
        """Lets time pass; the moment that it is then, in seconds."""
        return json.loads(self.sandbox("clock", {"step": seconds}))["now"]

    def now(self):
        return datetime.datetime.fromtimestamp(json.loads(self.sandbox("clock"))["now"], datetime.timezone.utc)

    def holds(self, what, found, wanted):
        if found != wanted:
            self.wrong.append(f"{what}: {found!r}, not {wanted!r}")

    def fails(self, what, wanted, call, **arguments):
        self.holds(what, refused(call, **arguments).get("code"), wanted)

    def client(self, service):
        # One attempt: an answer that needs another one is a defect here.
        config = Config(
            retries={"total_max_attempts": 1, "mode": "standard"},
            connect_timeout=5,
            read_timeout=30,
            s3={"addressing_style": "path"},
            disable_request_compression=True,
        )
        client = self.session.client(service, endpoint_url=self.address, config=config)
        client.meta.events.register("before-parse", self.look_at_the_bytes)
        client.meta.events.register("after-call", self.look_at_the_answer)
        return client

    def note(self, operation, path, what):
        self.faults.setdefault(operation, set()).add(f"{path}: {what}")

    def look_at_the_bytes(self, operation_model, response_dict, **_):
        service = operation_model.service_model
        if operation_model.output_shape is None and response_dict["status_code"] < 300:
            # Some say nothing, some say that they say nothing.
            if response_dict["body"].strip() not in (b"", b"{}"):
                self.note(f"{service.service_name}:{operation_model.name}", "", "something is said where nothing is modelled")
            return
        if service.metadata["protocol"] not in ("json", "rest-json") or response_dict["status_code"] >= 300:
            return
        shape = operation_model.output_shape
        # A payload is what the caller's model said, not what the service says.
        if shape is None or not response_dict["body"] or "payload" in shape.serialization:
            return
        name = f"{service.service_name}:{operation_model.name}"
        self.walk_raw(name, shape, json.loads(response_dict["body"]), "")

    def look_at_the_answer(self, model, parsed, **_):
        name = f"{model.service_model.service_name}:{model.name}"
        if "Error" in parsed:
            return self.look_at_the_refusal(name, model, parsed["Error"])
        if model.output_shape is None:
            self.calls[name] = self.calls.get(name, 0) + 1
            return
        self.calls[name] = self.calls.get(name, 0) + 1
        self.walk(name, model.output_shape, parsed, "")

    def look_at_the_refusal(self, name, model, error):
        """A refusal has a code that the operation is modelled to fail with, or one that every operation may, and says why."""
        if model.service_model.metadata["protocol"] not in ("json", "rest-json"):
            return
        code = error.get("Code", "")
        self.refusals.setdefault(name, set()).add(code)
        modelled = {shape.error_code for shape in model.error_shapes}
        if code not in modelled | ANY_FAILS_WITH:
            self.note(name, "", f"fails with {code!r}, which is none of {', '.join(sorted(modelled))}")
        if model.service_model.service_name == "sagemaker" and not error.get("Message"):
            self.note(name, "", f"fails with {code!r} and does not say why")

    def walk_raw(self, operation, shape, value, path):
        if value is None:
            return self.note(operation, path, "null is sent")
        kind = shape.type_name
        wanted = {
            "structure": dict,
            "map": dict,
            "list": list,
            "string": str,
            "blob": str,
            "boolean": bool,
            "integer": int,
            "long": int,
            "float": (int, float),
            "double": (int, float),
        }
        if kind == "timestamp":
            style = shape.serialization.get("timestampFormat", "unixTimestamp")
            wanted[kind] = (int, float) if style == "unixTimestamp" else str
        if not isinstance(value, wanted[kind]) or (kind != "boolean" and isinstance(value, bool)):
            return self.note(operation, path, f"{kind} wanted, {type(value).__name__} sent")
        if kind == "structure":
            names = {m.serialization.get("name", n): m for n, m in shape.members.items()}
            for name, member in value.items():
                if name in names:
                    self.walk_raw(operation, names[name], member, f"{path}.{name}")
                else:
                    self.note(operation, f"{path}.{name}", "no such member")
        elif kind == "list":
            for member in value:
                self.walk_raw(operation, shape.member, member, f"{path}[]")
        elif kind == "map":
            for member in value.values():
                self.walk_raw(operation, shape.value, member, f"{path}{{}}")

    def walk(self, operation, shape, value, path):
        kind = shape.type_name
        wanted = {
            "structure": dict,
            "map": dict,
            "list": list,
            "string": str,
            "blob": (bytes, object),
            "boolean": bool,
            "integer": int,
            "long": int,
            "float": (int, float),
            "double": (int, float),
            "timestamp": datetime.datetime,
        }
        if not isinstance(value, wanted[kind]) or (kind != "boolean" and isinstance(value, bool)):
            return self.note(operation, path, f"{kind} wanted, {type(value).__name__} read")
        if kind == "structure":
            for name in shape.required_members:
                if name not in value:
                    self.note(operation, f"{path}.{name}", "required and missing")
            for name, member in value.items():
                if name in shape.members:
                    self.walk(operation, shape.members[name], member, f"{path}.{name}")
        elif kind == "list":
            self.bounds(operation, shape, len(value), path, "members")
            for member in value:
                self.walk(operation, shape.member, member, f"{path}[]")
        elif kind == "map":
            for key, member in value.items():
                self.walk(operation, shape.key, key, f"{path}{{key}}")
                self.walk(operation, shape.value, member, f"{path}{{}}")
        elif kind == "string":
            enum = shape.metadata.get("enum")
            if enum and value not in enum:
                self.note(operation, path, f"{value!r} is none of {', '.join(enum[:8])}")
            self.bounds(operation, shape, len(value), path, "characters")
            pattern = shape.metadata.get("pattern")
            if pattern and not matches(pattern, value):
                self.note(operation, path, f"{value[:60]!r} does not match {pattern[:80]}")
        elif kind in ("integer", "long", "float", "double"):
            self.bounds(operation, shape, value, path, "")

    def bounds(self, operation, shape, size, path, unit):
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        if (low is not None and size < low) or (high is not None and size > high):
            self.note(operation, path, f"{size} {unit} where {low} to {high} are allowed".replace("  ", " "))

    def report(self):
        return {
            "wrong": self.wrong,
            "calls": self.calls,
            "refusals": {operation: sorted(codes) for operation, codes in sorted(self.refusals.items())},
            "faults": {operation: sorted(what) for operation, what in sorted(self.faults.items())},
        }


def matches(pattern, value):
    """True also where the pattern is one that Python cannot read (the models are written for Java)."""
    try:
        return re.search(f"^(?:{pattern})$", value, re.DOTALL) is not None
    except re.error:
        return True


def refused(call, **arguments):
    """What a call is refused with."""
    try:
        answer = call(**arguments)
    except ClientError as error:
        said = error.response["Error"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return {"code": said["Code"], "message": said["Message"], "status": status}
    return {"accepted": {k: v for k, v in answer.items() if k != "ResponseMetadata"}}


def pages(call, member, **arguments):
    """All pages of a list by hand, so that a token that is ignored or never ends shows."""
    found, token = [], None
    for _ in range(1_000):
        answer = call(**arguments, **({"NextToken": token} if token else {}))
        found.append(answer[member])
        token = answer.get("NextToken")
        if not token:
            return found
    raise SystemExit("1,000 pages and no end")


def say(wire, **parts):
    """Prints the report as JSON; moments as seconds."""

    def plain(value):
        if isinstance(value, datetime.datetime):
            return value.timestamp()
        if isinstance(value, bytes):
            return value.decode()
        raise TypeError(type(value).__name__)

    json.dump({**parts, **wire.report()}, sys.stdout, default=plain)
