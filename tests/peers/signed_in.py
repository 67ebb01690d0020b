"""Signs by an SSO sign-in that somebody else kept: what botocore's own loader, its provider of tokens and its provider of
credentials make of the file, as JSON."""

import json
import sys

import botocore.session
from botocore.tokens import SSOTokenProvider
from botocore.utils import SSOTokenLoader

session = botocore.session.Session(profile="sso")
loaded = SSOTokenLoader()("https://acme.awsapps.com/start", session_name="acme")
provided = SSOTokenProvider(session).load_token().get_frozen_token()
caller = session.create_client("sts", endpoint_url=sys.argv[1]).get_caller_identity()
print(
    json.dumps(
        {
            "keys": sorted(loaded),
            "same": provided.token == loaded["accessToken"],
            "ends": provided.expiration.isoformat(),
            "arn": caller["Arn"],
        }
    )
)
