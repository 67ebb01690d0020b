"""One script for two accounts, moto's and ours: every step says what came of it, so that both can be compared line by line.

A step tells the code of its refusal, or which members the answer has (values only where both can have the same).
"""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::447100000921:role/SageMakerExecution"
IMAGE = "447100000921.dkr.ecr.eu-west-1.amazonaws.com/fraud-serve:v17"
config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, disable_request_compression=True)
session = boto3.session.Session(region_name="eu-west-1")


def client(service):
    return session.client(service, endpoint_url=sys.argv[1], config=config)


sagemaker, cloudwatch, s3, sts, logs = map(client, ("sagemaker", "cloudwatch", "s3", "sts", "logs"))
steps = {}


def step(name, call, look=lambda answer: sorted(answer), **arguments):
    try:
        answer = call(**arguments)
        answer.pop("ResponseMetadata", None)
        steps[name] = look(answer)
    except ClientError as error:
        steps[name] = error.response["Error"]["Code"]
    except Exception as error:  # a server that fails is an outcome, too
        steps[name] = type(error).__name__


def members(row):
    return lambda answer: sorted(answer[row][0]) if answer[row] else "no row"


def value(*path):
    def look(answer):
        for part in path:
            answer = answer[part]
        return answer

    return look


container = {"Image": IMAGE}
variant = {"VariantName": "blue", "ModelName": "both", "InstanceType": "ml.m5.large", "InitialInstanceCount": 2}
step("model: create", sagemaker.create_model, ModelName="both", ExecutionRoleArn=ROLE, PrimaryContainer=container)
step("model: create again", sagemaker.create_model, ModelName="both", ExecutionRoleArn=ROLE, PrimaryContainer=container)
step("model: describe", sagemaker.describe_model, ModelName="both")
step("model: describe a missing one", sagemaker.describe_model, ModelName="no-such")
step("model: list by name", sagemaker.list_models, members("Models"), NameContains="both")
step("model: a name that is none", sagemaker.create_model, ModelName="no_such!", ExecutionRoleArn=ROLE, PrimaryContainer=container)
step("config: create", sagemaker.create_endpoint_config, EndpointConfigName="both-a", ProductionVariants=[variant])
step("config: create again", sagemaker.create_endpoint_config, EndpointConfigName="both-a", ProductionVariants=[variant])
step("config: of a missing model", sagemaker.create_endpoint_config, EndpointConfigName="both-b", ProductionVariants=[{**variant, "ModelName": "no-such"}])
step("config: describe", sagemaker.describe_endpoint_config, EndpointConfigName="both-a")
step("config: describe a missing one", sagemaker.describe_endpoint_config, EndpointConfigName="no-such")
step("endpoint: create", sagemaker.create_endpoint, EndpointName="both", EndpointConfigName="both-a")
step("endpoint: create again", sagemaker.create_endpoint, EndpointName="both", EndpointConfigName="both-a")
step("endpoint: of a missing config", sagemaker.create_endpoint, EndpointName="both-b", EndpointConfigName="no-such")
step("endpoint: status at once", sagemaker.describe_endpoint, value("EndpointStatus"), EndpointName="both")
step("endpoint: describe a missing one", sagemaker.describe_endpoint, EndpointName="no-such")
step("endpoint: update while it is made", sagemaker.update_endpoint, EndpointName="both", EndpointConfigName="both-a")
step("endpoint: list by name", sagemaker.list_endpoints, members("Endpoints"), NameContains="both")
step("config: delete while in use", sagemaker.delete_endpoint_config, EndpointConfigName="both-a")
arn = "arn:aws:sagemaker:eu-west-1:{}:endpoint/both".format(sts.get_caller_identity()["Account"])
step("tags: add", sagemaker.add_tags, value("Tags"), ResourceArn=arn, Tags=[{"Key": "team", "Value": "ml"}])
step("tags: list", sagemaker.list_tags, value("Tags"), ResourceArn=arn)
step("tags: take away", sagemaker.delete_tags, ResourceArn=arn, TagKeys=["team"])
step("tags: list when gone", sagemaker.list_tags, value("Tags"), ResourceArn=arn)
step("endpoint: delete", sagemaker.delete_endpoint, EndpointName="both")
step("group: create", sagemaker.create_model_package_group, ModelPackageGroupName="both")
step("group: create again", sagemaker.create_model_package_group, ModelPackageGroupName="both")
step("group: describe a missing one", sagemaker.describe_model_package_group, ModelPackageGroupName="no-such")
inference = {"Containers": [container], "SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
step("package: create", sagemaker.create_model_package, ModelPackageGroupName="both", InferenceSpecification=inference)
step("package: list", sagemaker.list_model_packages, members("ModelPackageSummaryList"), ModelPackageGroupName="both")
package = "arn:aws:sagemaker:eu-west-1:{}:model-package/both/1".format(sts.get_caller_identity()["Account"])
step("package: approval at once", sagemaker.describe_model_package, value("ModelApprovalStatus"), ModelPackageName=package)
step("package: approve", sagemaker.update_model_package, ModelPackageArn=package, ModelApprovalStatus="Approved")
step("package: describe a missing one", sagemaker.describe_model_package, ModelPackageName=package.replace("/1", "/99"))
graph = json.dumps({"Version": "2020-12-01", "Steps": [{"Name": "F", "Type": "Fail", "Arguments": {"ErrorMessage": "x"}}]})
token = "t" * 32
step("pipeline: create", sagemaker.create_pipeline, PipelineName="both", PipelineDefinition=graph, RoleArn=ROLE, ClientRequestToken=token)
step("pipeline: create again", sagemaker.create_pipeline, PipelineName="both", PipelineDefinition=graph, RoleArn=ROLE, ClientRequestToken="u" * 32)
step("pipeline: no JSON", sagemaker.create_pipeline, PipelineName="both-b", PipelineDefinition="{", RoleArn=ROLE, ClientRequestToken="v" * 32)
step("pipeline: start", sagemaker.start_pipeline_execution, PipelineName="both", ClientRequestToken=token)
step("pipeline: start a missing one", sagemaker.start_pipeline_execution, PipelineName="no-such", ClientRequestToken="w" * 32)
step("pipeline: steps", sagemaker.list_pipeline_execution_steps, PipelineExecutionArn="arn:aws:sagemaker:eu-west-1:447100000921:pipeline/both/execution/none")
step("training: describe a missing one", sagemaker.describe_training_job, TrainingJobName="no-such")
step("search", sagemaker.search, Resource="TrainingJob")
step("search: a property that is none", sagemaker.search, Resource="TrainingJob", SearchExpression={"Filters": [{"Name": "Nonsense", "Operator": "Equals", "Value": "1"}]})
metric = {"Namespace": "Own", "MetricName": "m"}
alarm = {"AlarmName": "both", **metric, "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold"}
step("alarm: put", cloudwatch.put_metric_alarm, **alarm)
step("alarm: state at once", cloudwatch.describe_alarms, value("MetricAlarms", 0, "StateValue"), AlarmNames=["both"])
step("alarm: set", cloudwatch.set_alarm_state, AlarmName="both", StateValue="ALARM", StateReason="by hand")
step("alarm: state when set", cloudwatch.describe_alarms, value("MetricAlarms", 0, "StateValue"), AlarmNames=["both"])
step("alarm: set a missing one", cloudwatch.set_alarm_state, AlarmName="no-such", StateValue="OK", StateReason="x")
step("alarm: a period that is none", cloudwatch.put_metric_alarm, **{**alarm, "AlarmName": "both-b", "Period": 7})
step("metric: put", cloudwatch.put_metric_data, Namespace="Own", MetricData=[{"MetricName": "m", "Value": 1.0}])
step("metric: put to AWS's own", cloudwatch.put_metric_data, Namespace="AWS/SageMaker", MetricData=[{"MetricName": "m", "Value": 1.0}])
step("logs: a missing group", logs.filter_log_events, logGroupName="/no/such")
step("objects: a missing bucket", s3.list_objects_v2, Bucket="no-such-bucket")
step("who am I", sts.get_caller_identity)
json.dump({"steps": steps}, sys.stdout)
