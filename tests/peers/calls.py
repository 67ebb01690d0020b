"""Calls models: what they answer, whom they refuse, and what was captured of it."""

import json
import sys

from wire import Wire, refused, say

wire = Wire(sys.argv[1])
runtime, sagemaker, s3 = (wire.client(service) for service in ("sagemaker-runtime", "sagemaker", "s3"))
holds = wire.holds
ROW = b"26,1,plus,0.1,7,2.5,south,43"


def asked(**more):
    answer = runtime.invoke_endpoint(**{"EndpointName": "churn-batch", "Body": ROW, "ContentType": "text/csv", **more})
    return answer, answer["Body"].read().decode()


def answers():
    answer, text = asked(CustomAttributes="trace=1", InferenceId="calls-1")
    holds("the variant", answer["InvokedProductionVariant"], "all")
    holds("attributes", answer["CustomAttributes"], "trace=1")
    holds("a score", 0 < float(text) < 1, True)
    row = [26, 1, "plus", 0.1, 7, 2.5, "south", 43]
    body = json.dumps({"instances": [{"features": row}]}).encode()
    answer, told = asked(Body=body, ContentType="application/json", Accept="application/json")
    holds("the same row in JSON", json.loads(told), {"predictions": [{"score": float(text)}]})
    holds("the same again", asked()[1], text)
    answer, _ = asked(EndpointName="intent-fr", TargetVariant="b", Body=b"1,2,3,4,chat")
    holds("the variant that was meant", answer["InvokedProductionVariant"], "b")
    answer, told = asked(Body=ROW + b"\n" + ROW)
    holds("two rows", told.split(), [text, text])


def refusals():
    call = lambda **more: refused(runtime.invoke_endpoint, **{"EndpointName": "churn-batch", "Body": ROW, **more})
    holds("no endpoint", call(EndpointName="no-such")["code"], "ValidationError")
    holds("no variant", call(TargetVariant="green")["code"], "ValidationError")
    said = call(ContentType="image/png")
    holds("no such content", (said["code"], said["status"]), ("ModelError", 424))
    holds("its words", said["message"].startswith("Received client error (415) from primary"), True)
    holds("no JSON", call(ContentType="application/json", Body=b"{")["code"], "ModelError")


def captured():
    """A tenth of the calls of the account's own endpoints is kept."""
    before = kept()
    for _ in range(60):
        asked(InferenceId="calls-2")
    found = kept() - before
    holds("captured of sixty", 1 <= found <= 20, True)


def kept():
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="acme-ml-data", Prefix="churn/capture/churn-batch/all/")
    keys = [entry["Key"] for page in pages for entry in page["Contents"]]
    texts = [s3.get_object(Bucket="acme-ml-data", Key=key)["Body"].read().decode() for key in keys[-4:]]
    return sum("calls-2" in line for text in texts for line in text.splitlines())


for part in (answers, refusals, captured):
    part()
say(wire)
