"""Goes by an SSO sign-in that somebody else kept: what botocore's own loader and its provider of tokens make of the file, and
what the token is good for, as JSON."""

import json
import os
import sys

import botocore.session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.tokens import SSOTokenProvider
from botocore.utils import JSONFileCache, SSOTokenLoader

session = botocore.session.Session(profile="sso")
loaded = SSOTokenLoader(JSONFileCache(os.path.expanduser("~/.aws/sso/cache")))("https://acme.awsapps.com/start", session_name="acme")
provided = SSOTokenProvider(session).load_token().get_frozen_token()
# The account has a time of its own: its keys are asked for, and not held against this machine's clock.
sso = session.create_client("sso", endpoint_url=sys.argv[1], config=Config(signature_version=UNSIGNED))
given = sso.get_role_credentials(roleName="Data", accountId="447100000921", accessToken=provided.token)
print(
    json.dumps(
        {
            "keys": sorted(loaded),
            "same": provided.token == loaded["accessToken"],
            "ends": provided.expiration.isoformat(),
            "key": given["roleCredentials"]["accessKeyId"][:4],
        }
    )
)
