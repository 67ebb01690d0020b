"""Shows the watch over the wire answers that break the model of their service, and prints what it noticed."""

import datetime
import sys

from wire import Wire, say

wire = Wire(sys.argv[1])
model = wire.client("sagemaker").meta.service_model
shape = model.operation_model("DescribeEndpoint").output_shape
moment = datetime.datetime.now(datetime.timezone.utc)
good = {
    "EndpointName": "fraud-prod",
    "EndpointArn": "arn:aws:sagemaker:eu-west-1:447100000921:endpoint/fraud-prod",
    "EndpointStatus": "InService",
    "CreationTime": moment,
    "LastModifiedTime": moment,
}
wire.walk("good", shape, good, "")
wire.walk_raw("good", shape, {**good, "CreationTime": 1.5, "LastModifiedTime": 1}, "")
wire.walk("enum", shape, {**good, "EndpointStatus": "Broken"}, "")
wire.walk("pattern", shape, {**good, "EndpointName": "under_score"}, "")
wire.walk("length", shape, {**good, "FailureReason": "x" * 1_025}, "")
wire.walk("required", shape, {key: value for key, value in good.items() if key != "EndpointArn"}, "")
wire.walk("deep", shape, {**good, "ProductionVariants": [{"CurrentWeight": 1.0}]}, "")
wire.walk("range", shape, {**good, "ProductionVariants": [{"VariantName": "a", "CurrentWeight": -1.0}]}, "")
wire.walk_raw("unknown", shape, {"EndpointNome": "x"}, "")
wire.walk_raw("type", shape, {"CreationTime": "2026-01-01T00:00:00Z"}, "")
wire.walk_raw("null", shape, {"FailureReason": None}, "")
operation = model.operation_model("DescribeEndpoint")
wire.look_at_the_refusal("good", operation, {"Code": "ValidationException", "Message": "x"})
wire.look_at_the_refusal("foreign", operation, {"Code": "ConflictException", "Message": "x"})
wire.look_at_the_refusal("silent", operation, {"Code": "ValidationException", "Message": ""})
say(wire)
