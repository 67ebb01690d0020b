"""Takes every kind of resource that lives by itself through its life: made, refused twice, described, listed in pages, changed,
stopped, started, deleted, missed. Requests are as small as the model of the service allows; every answer is held against it.
"""

import sys

from botocore import xform_name
from botocore.exceptions import ClientError

from wire import Wire, matches, say

wire = Wire(sys.argv[1])
sagemaker = wire.client("sagemaker")
service = sagemaker.meta.service_model
wrong, step = wire.wrong, wire.step

ROLE = "arn:aws:iam::447100000921:role/SageMakerExecution"
ACCOUNT = "arn:aws:sagemaker:eu-west-1:447100000921"
IMAGE = "447100000921.dkr.ecr.eu-west-1.amazonaws.com/fraud-serve:v17"
# The first that a text may be is taken.
# Nothing else is there: no artifact comes of a job that reads it.
LINEAGE = "s3://acme-ml-data/written-by-boto3"
TEXTS = ["by-boto3", "s3://acme-ml-data/by-boto3", ROLE, IMAGE, "ml.m5.large", "1", "3600", "{}", "2026-01-01", "https://acme.example/x"]


# What refusals are called where the model of an operation has a name for them.
MISSING, IN_USE, BUSY = ["ResourceNotFound"], ["ResourceInUse", "ConflictException"], ["ConflictException", "ResourceInUse"]


def smallest(shape):
    """A value of this shape with nothing in it that may be left away."""
    kind = shape.type_name
    if kind == "structure":
        return {name: smallest(shape.members[name]) for name in shape.required_members}
    low = shape.metadata.get("min", 0)
    if kind == "list":
        return [smallest(shape.member) for _ in range(low)]
    if kind == "map":
        return {}
    if kind == "string":
        if shape.metadata.get("enum"):
            return shape.metadata["enum"][0]
        texts = [ROLE, *TEXTS] if shape.name.endswith("RoleArn") else TEXTS
        pattern, high = shape.metadata.get("pattern", ""), shape.metadata.get("max", 1 << 20)
        fits = [text for text in texts if low <= len(text) <= high and matches(pattern, text)]
        return fits[0] if fits else "x" * low
    return {"integer": max(low, 1), "long": max(low, 1), "boolean": True}.get(kind, low)


def agrees(told, sent):
    """What was sent is told; of a structure, other members may be told as well."""
    if isinstance(sent, dict):
        return isinstance(told, dict) and all(agrees(told.get(member), value) for member, value in sent.items())
    return told == sent


# What a filter looks at, where that is not the member it is called after.
LOOKED_AT = {
    "SourceUri": lambda record: record["Source"]["SourceUri"],
    "OfflineStoreStatusEquals": lambda record: record.get("OfflineStoreStatus", {}).get("Status"),
    "AppTypeEquals": lambda record: record["StudioLifecycleConfigAppType"],
    "OptimizationContains": lambda record: record["OptimizationTypes"][0],
    "AdditionalCodeRepositoryEquals": lambda record: record.get("AdditionalCodeRepositories", [None])[0],
    "DefaultForDomainId": lambda record: record.get("DefaultDomainIdList", [None])[0],
}
# Filters that were looked at.
FILTERS = set()


class Kind:
    """What a kind needs besides the smallest request, and how it is told apart."""

    def __init__(self, noun, listed, name, make=None, key=None, change=None, lists=None, wait=3_600, hidden=(), states=(), told=None, twin=True):
        self.noun, self.listed, self.name = noun, listed, name
        self.make, self.change, self.lists = make or {}, change, lists or {}
        self.key, self.wait, self.hidden, self.states = key, wait, set(hidden), states
        # What an answer must say after the change, where that is not what was sent.
        self.told = told
        # Others of the account, which are older.
        self.before = 0
        # What is different about another one.
        self.twin_of = ({self.name: "of-boto3"} if key else {}) if twin else None
        self.other = None

    def has(self, verb):
        return f"{verb}{self.noun}" in service.operation_names

    def call(self, verb, **arguments):
        return getattr(sagemaker, xform_name(f"{verb}{self.noun}"))(**arguments)

    def say(self, what):
        wrong.append(f"{self.noun}: {what}")

    def refused(self, verb, why, codes, **arguments):
        """Refused with the first of these codes that the operation is modelled to fail with, else as not valid."""
        operation = service.operation_model(f"{verb}{self.noun}")
        modelled = {shape.error_code for shape in operation.error_shapes}
        wanted = next((code for code in codes if code in modelled), "ValidationException")
        try:
            self.call(verb, **arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] != wanted:
                self.say(f"{verb} {why} fails with {error.response['Error']}, not {wanted}")
            return
        self.say(f"{verb} is accepted {why}")

    def refused_list(self, why, **arguments):
        try:
            self.rows(**arguments)
        except ClientError:
            return
        self.say(f"{self.listed} is accepted {why}")

    def request(self, verb, **arguments):
        shape = service.operation_model(f"{verb}{self.noun}").input_shape
        return {**smallest(shape), **arguments}

    def rows(self, **arguments):
        call = getattr(sagemaker, xform_name(self.listed))
        answer = call(**self.lists, **arguments)
        member = next(m for m, value in answer.items() if isinstance(value, list))
        return answer[member], answer.get("NextToken")

    def described(self):
        """The record: some answers hold it in a member of the kind's name."""
        answer = self.call("Describe", **self.key)
        return answer.get(self.noun, answer)

    def born(self):
        self.before = len(self.rows(MaxResults=100)[0])
        sent = self.request("Create", **self.make)
        made = self.call("Create", **sent)
        if not self.key:
            self.key = {self.name: made[self.name]}
        self.key = {member: made.get(member, value) for member, value in self.key.items()}
        if self.name in sent:
            self.refused("Create", "a second time", IN_USE, **sent)
            self.refused("Create", "with a name that cannot be one", (), **{**sent, self.name: "not a name!"})
        told = self.described()
        hidden = {"Tags", "ClientToken", *self.hidden}
        for member, value in sent.items():
            if member not in hidden and told.get(member) != value:
                self.say(f"{member} was {value!r} and is told as {told.get(member)!r}")
        self.twin(sent)
        self.listed_once()
        step(self.wait)

    def twin(self, sent):
        """Another one, so that lists have pages and filters have something to leave out."""
        if self.twin_of is None:
            return
        step(60)
        made = self.call("Create", **{**sent, **self.twin_of})
        name = self.twin_of.get(self.name) or made[self.name]
        self.other = {**self.key, **{k: v for k, v in self.twin_of.items() if k in self.key}, self.name: name}

    def listed_once(self):
        rows, token = self.rows(MaxResults=100)
        own = self.key[self.name]
        named = [row for row in rows if row.get(self.name) == own or (self.name not in row and own in row.values())]
        if len(named) != 1 or token:
            self.say(f"is listed {len(named)} times of {len(rows)}")
        self.refused_list("with a token of nobody", NextToken="not-a-token")
        if self.twin_of is None:
            return
        one, token = self.rows(MaxResults=1)
        two, last = self.rows(MaxResults=1, NextToken=token)
        if one + two != rows[:2] or len(rows) != self.before + 2 or bool(last) != (self.before > 0):
            self.say(f"pages are {one} and {two}, the list is {rows}")
        self.filtered(named[0])

    def filtered(self, row):
        """Every filter keeps what it is about and leaves out what it is not about."""
        shape = service.operation_model(self.listed).input_shape
        record = {**self.described(), **row}
        for member, of in shape.members.items():
            if member in ("NextToken", "MaxResults", "SortBy", "SortOrder") or member in self.lists:
                continue
            if of.type_name == "timestamp":
                early, late = "2020-01-01", "2040-01-01"
                kept, left = (early, late) if member.endswith("After") else (late, early)
            else:
                kept, left = self.value_of(member, of, record), self.another(of, self.value_of(member, of, record))
                if kept is None:
                    continue
            FILTERS.add(f"{self.listed}.{member}")
            if row not in self.rows(MaxResults=100, **{member: kept})[0]:
                self.say(f"{member}={kept!r} leaves it out")
            if row in self.rows(MaxResults=100, **{member: left})[0]:
                self.say(f"{member}={left!r} keeps it")

    def value_of(self, member, shape, record):
        if member in LOOKED_AT:
            value = LOOKED_AT[member](record)
        elif member == "NameContains":
            value = self.key[self.name].rsplit("/", 1)[-1]
        else:
            stem = member.removesuffix("Equals").removesuffix("Contains")
            status = next((m for m in record if m in (f"{self.noun}Status", "TrackingServerStatus", "Status")), "")
            value = record.get(status if stem == "Status" else stem)
        return value if isinstance(value, (str, bool)) and value != "" else None

    def another(self, shape, value):
        words = shape.metadata.get("enum") or ["zzz-nothing", "d-zzz", "zzz", "9.9", "s3://zzz/z", "https://zzz.example/z", f"{ACCOUNT}:endpoint/zzz"]
        pattern = shape.metadata.get("pattern", ".*")
        fits = (word for word in words if word != value and matches(pattern, word))
        return next(fits, None) or sys.exit(f"nothing else fits {shape}: {shape.metadata}")

    def changed(self):
        for verb in self.states:
            self.call(verb, **self.key)
            if verb == "Stop":
                self.refused("Stop", "while it stops", BUSY, **self.key)
            step(self.wait)
        if self.other and self.states and self.states[-1] == "Stop":
            self.call("Stop", **self.other)
        if self.change is None:
            return
        self.call("Update", **self.key, **self.change)
        step(self.wait)
        told = self.described()
        for member, value in (self.told or self.change).items():
            if not agrees(told.get(member), value):
                self.say(f"{member} was changed to {value!r} and is told as {told.get(member)!r}")

    def gone(self):
        if not self.has("Delete"):
            return
        for key in filter(None, (self.key, self.other)):
            self.call("Delete", **key)
        step(self.wait + 2 * 86_400)
        self.refused("Describe", "when it is gone", MISSING, **self.key)
        for verb in filter(self.has, ("Delete", "Start", "Stop")):
            self.refused(verb, "when it is gone", MISSING, **self.key)
        if self.change is not None:
            self.refused("Update", "when it is gone", MISSING, **self.key, **self.change)
        if len(self.rows(MaxResults=100)[0]) != self.before:
            self.say("is listed when it is gone")


def job_definition(noun):
    return Kind(f"{noun}JobDefinition", f"List{noun}JobDefinitions", "JobDefinitionName",
                make={f"{noun}JobInput": {**smallest(service.shape_for(f"{noun}JobInput")), "EndpointInput": {
                    "EndpointName": "fraud-prod", "LocalPath": "/opt/ml/processing/input"}}},
                key={"JobDefinitionName": "by-boto3"})


def life():
    domain = Kind("Domain", "ListDomains", "DomainId", change={"AppNetworkAccessType": "VpcOnly"}, twin=False)
    domain.born()
    inside = {"DomainId": domain.key["DomainId"]}
    user = {**inside, "UserProfileName": "by-boto3"}
    space = {**inside, "SpaceName": "by-boto3"}
    app = {**user, "AppType": "JupyterLab", "AppName": "by-boto3"}
    definitions = [
        {"FeatureName": "id", "FeatureType": "String"},
        {"FeatureName": "at", "FeatureType": "Fractional"},
    ]
    amount = {"FeatureName": "amount", "FeatureType": "Fractional"}
    source = {"SourceUri": LINEAGE}
    kinds = [
        Kind("UserProfile", "ListUserProfiles", "UserProfileName", make=inside, key=user,
             change={"UserSettings": {"ExecutionRole": ROLE}}),
        Kind("Space", "ListSpaces", "SpaceName", make=inside, key=space, change={"SpaceDisplayName": "changed"}),
        Kind("App", "ListApps", "AppName", make=app, key=app, wait=90),
        Kind("Image", "ListImages", "ImageName", key={"ImageName": "by-boto3"}, change={"Description": "changed"}),
        Kind("AppImageConfig", "ListAppImageConfigs", "AppImageConfigName", key={"AppImageConfigName": "by-boto3"},
             change={"JupyterLabAppImageConfig": {"FileSystemConfig": {"DefaultUid": 1000}}}),
        Kind("CodeRepository", "ListCodeRepositories", "CodeRepositoryName",
             key={"CodeRepositoryName": "by-boto3"}, make={"GitConfig": {"RepositoryUrl": "https://acme.example/ml"}},
             change={"GitConfig": {"SecretArn": "arn:aws:secretsmanager:eu-west-1:447100000921:secret:git"}}),
        Kind("StudioLifecycleConfig", "ListStudioLifecycleConfigs", "StudioLifecycleConfigName",
             key={"StudioLifecycleConfigName": "by-boto3"}),
        Kind("NotebookInstanceLifecycleConfig", "ListNotebookInstanceLifecycleConfigs",
             "NotebookInstanceLifecycleConfigName", key={"NotebookInstanceLifecycleConfigName": "by-boto3"},
             change={"OnStart": [{"Content": "ZWNobwo="}]}),
        Kind("NotebookInstance", "ListNotebookInstances", "NotebookInstanceName",
             key={"NotebookInstanceName": "by-boto3"}, make={"InstanceType": "ml.t3.medium", "AdditionalCodeRepositories": ["more"],
                   "DefaultCodeRepository": "base", "LifecycleConfigName": "by-boto3"},
             hidden=["LifecycleConfigName"],
             states=["Stop", "Start", "Stop"], change={"InstanceType": "ml.t3.large"}),
        Kind("MlflowTrackingServer", "ListMlflowTrackingServers", "TrackingServerName",
             key={"TrackingServerName": "by-boto3"}, make={"ArtifactStoreUri": "s3://acme-ml-models/mlflow"},
             states=["Stop", "Start"], change={"TrackingServerSize": "Medium"}),
        Kind("MlflowApp", "ListMlflowApps", "Arn", make={"ArtifactStoreUri": "s3://acme-ml-models/mlflow", "Name": "by-boto3",
                                                  "DefaultDomainIdList": [inside["DomainId"]]},
             change={"AccountDefaultStatus": "ENABLED"}),
        Kind("Workforce", "ListWorkforces", "WorkforceName", key={"WorkforceName": "by-boto3"},
             make={"CognitoConfig": {"UserPool": "eu-west-1_abcdefgh1", "ClientId": "abcdef"}},
             change={"SourceIpConfig": {"Cidrs": ["10.0.0.0/8"]}}),
        Kind("Workteam", "ListWorkteams", "WorkteamName", key={"WorkteamName": "by-boto3"},
             make={"MemberDefinitions": [{"CognitoMemberDefinition": {"UserPool": "eu-west-1_abcdefgh1",
                                                                      "UserGroup": "g", "ClientId": "abcdef"}}]},
             change={"Description": "changed"}),
        Kind("HumanTaskUi", "ListHumanTaskUis", "HumanTaskUiName", key={"HumanTaskUiName": "by-boto3"},
             hidden=["UiTemplate"]),
        Kind("FlowDefinition", "ListFlowDefinitions", "FlowDefinitionName", key={"FlowDefinitionName": "by-boto3"}),
        # The account writes lineage of its own all the time: these are told from it by their source.
        Kind("Action", "ListActions", "ActionName", key={"ActionName": "by-boto3"}, change={"Status": "Completed"},
             make={"Source": source}, lists={"SourceUri": source["SourceUri"]}),
        Kind("Artifact", "ListArtifacts", "ArtifactArn", make={"Source": source}, change={"Properties": {"rows": "7"}},
             lists={"SourceUri": source["SourceUri"]}),
        Kind("Context", "ListContexts", "ContextName", key={"ContextName": "by-boto3"}, make={"Source": source},
             change={"Description": "changed"}, lists={"SourceUri": source["SourceUri"]}),
        *(job_definition(noun) for noun in ("DataQuality", "ModelQuality", "ModelBias", "ModelExplainability")),
        Kind("TransformJob", "ListTransformJobs", "TransformJobName", key={"TransformJobName": "by-boto3"},
             make={"ModelName": "fraud-v17"}),
        Kind("CompilationJob", "ListCompilationJobs", "CompilationJobName", key={"CompilationJobName": "by-boto3"},
             make={"InputConfig": {"S3Uri": "s3://acme-ml-models/m.tar.gz", "Framework": "PYTORCH"},
                   "OutputConfig": {"S3OutputLocation": "s3://acme-ml-models/out", "TargetDevice": "ml_c5"}}),
        Kind("OptimizationJob", "ListOptimizationJobs", "OptimizationJobName",
             key={"OptimizationJobName": "by-boto3"},
             make={"OptimizationConfigs": [{"ModelQuantizationConfig": {"Image": IMAGE}}],
                   "ModelSource": {"S3": {"S3Uri": "s3://acme-ml-models/m"}}}),
        Kind("FeatureGroup", "ListFeatureGroups", "FeatureGroupName", key={"FeatureGroupName": "by-boto3"},
             make={"RecordIdentifierFeatureName": "id", "EventTimeFeatureName": "at",
                   "OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": "s3://acme-ml-data/features"}}, "RoleArn": ROLE,
                   "FeatureDefinitions": definitions},
             hidden=["OfflineStoreConfig"],
             change={"FeatureAdditions": [amount]}, told={"FeatureDefinitions": [*definitions, amount]}),
    ]
    for kind in kinds:
        kind.born()
    parts(inside, user)
    for kind in kinds:
        if kind.noun in ("TransformJob", "CompilationJob", "OptimizationJob"):
            kind.refused("Stop", "when it is over", BUSY, **kind.key)
            again = Kind(kind.noun, kind.listed, kind.name, make={**kind.make, kind.name: "to-stop"},
                         key={kind.name: "to-stop"}, wait=0, twin=False)
            again.born()
            again.call("Stop", **again.key)
            step(3_600)
            if again.has("Delete"):
                again.call("Delete", **again.key)
    domain.changed()
    for kind in kinds:
        kind.changed()
    domain.refused("Delete", "while users are in it", IN_USE, **domain.key)
    for kind in reversed(kinds):
        kind.gone()
    domain.gone()
    return [kind.noun for kind in [domain, *kinds]]


def parts(inside, user):
    """Operations that are like those of no other kind."""
    sagemaker.create_presigned_domain_url(**inside, UserProfileName=user["UserProfileName"])
    sagemaker.create_presigned_notebook_instance_url(NotebookInstanceName="by-boto3")
    sagemaker.create_presigned_mlflow_tracking_server_url(TrackingServerName="by-boto3")
    app = sagemaker.list_mlflow_apps()["Summaries"][0]
    sagemaker.create_presigned_mlflow_app_url(Arn=app["Arn"])
    feature = dict(FeatureGroupName="by-boto3", FeatureName="at")
    sagemaker.update_feature_metadata(**feature, Description="when")
    if sagemaker.describe_feature_metadata(**feature).get("Description") != "when":
        wrong.append("FeatureMetadata: what was written is not read")
    ends = dict(
        SourceArn=sagemaker.list_artifacts(SourceUri=LINEAGE)["ArtifactSummaries"][0]["ArtifactArn"],
        DestinationArn=sagemaker.describe_action(ActionName="by-boto3")["ActionArn"],
    )
    sagemaker.add_association(**ends, AssociationType="ContributedTo")
    if len(sagemaker.list_associations(SourceArn=ends["SourceArn"])["AssociationSummaries"]) != 1:
        wrong.append("Association: is not listed")
    sagemaker.delete_association(**ends)
    for call, arguments in (
        (sagemaker.delete_association, ends),
        (sagemaker.describe_feature_metadata, {**feature, "FeatureName": "no-such"}),
        (sagemaker.create_presigned_domain_url, {"DomainId": "d-0", "UserProfileName": "nobody"}),
    ):
        try:
            call(**arguments)
            wrong.append(f"{arguments} is accepted")
        except ClientError:
            pass


say(wire, kinds=life(), filters=sorted(FILTERS))
