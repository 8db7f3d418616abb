"""Starts servers of buckets on loopback, runs a command against them and ends them.

    serve.py COMMAND [ARGUMENT ...]

S3 is moto's. The command's user has the rights that docs/remotes.md tells people to give and no other: that policy is read
from the page. Azure is Azurite, by its authors the emulator of the service. Both check signatures.
"""

import base64
import hashlib
import hmac
import json
import logging
import os
import re
import secrets
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path

import boto3
import requests
from botocore.exceptions import ClientError
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

PAGE = Path(__file__).resolve().parents[2] / "docs" / "remotes.md"
BUCKET = "jay-test"
PREFIX = "team"
REGION = "eu-central-1"


class OneAtATime:
    """moto looks whether a key is there and writes it in two steps; S3 does both at once."""

    def __init__(self, application):
        self.application = application
        self.lock = threading.Lock()

    def __call__(self, environment, start):
        with self.lock:
            return list(self.application(environment, start))


def documented_policy():
    """The first block of JSON of the page, for the bucket and prefix of the tests."""
    block = re.search(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    text = block.group(1).replace("BUCKET", BUCKET).replace("PREFIX", PREFIX)
    json.loads(text)
    return text


def client(service, base, key=None):
    key = key or {"AccessKeyId": "root", "SecretAccessKey": "root"}
    return boto3.client(
        service,
        endpoint_url=base,
        region_name=REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )


def make_user(base, name, policy):
    iam = client("iam", base)
    iam.create_user(UserName=name)
    if policy:
        iam.put_user_policy(UserName=name, PolicyName="remote", PolicyDocument=policy)
    return iam.create_access_key(UserName=name)["AccessKey"]


def demand_that_rights_are_checked(base, key):
    """A server that lets everybody do everything would make the tests of rights worthless."""
    outside = client("s3", base, key)
    for attempt in (
        lambda: outside.put_object(Bucket=BUCKET, Key="elsewhere/x", Body=b"x"),
        lambda: outside.list_buckets(),
        lambda: client("s3", base, {**key, "SecretAccessKey": "wrong"}).list_objects_v2(Bucket=BUCKET, Prefix=PREFIX + "/"),
    ):
        try:
            attempt()
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 403:
                continue
            raise
        sys.exit("error: the server checks no rights")


@contextmanager
def s3():
    """The variables by which the tests find it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = OneAtATime(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        base = f"http://127.0.0.1:{server.server_port}"
        client("s3", base).create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        member = make_user(base, "member", documented_policy())
        stranger = make_user(base, "stranger", None)
        requests.post(f"{base}/moto-api/reset-auth", data=b"0", timeout=10).raise_for_status()
        demand_that_rights_are_checked(base, member)
        yield {
            "JAY_TEST_S3": f"s3://{BUCKET}/{PREFIX}?endpoint={base}&region={REGION}",
            "JAY_TEST_S3_ID": member["AccessKeyId"],
            "JAY_TEST_S3_SECRET": member["SecretAccessKey"],
            "JAY_TEST_S3_STRANGER_ID": stranger["AccessKeyId"],
            "JAY_TEST_S3_STRANGER_SECRET": stranger["SecretAccessKey"],
        }
    finally:
        server.shutdown()


def make_container(base, account, key):
    """Azurite makes none by itself. The signature is the `SharedKey` of Azure's documentation."""
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-12-02"}
    signed = "PUT" + "\n" * 12 + "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    signed += f"/{account}/{account}/{BUCKET}\nrestype:container"
    signature = hmac.new(base64.b64decode(key), signed.encode(), hashlib.sha256).digest()
    headers["Authorization"] = f"SharedKey {account}:{base64.b64encode(signature).decode()}"
    requests.put(f"{base}/{BUCKET}?restype=container", headers=headers, timeout=10).raise_for_status()


@contextmanager
def azure():
    """The variables by which the tests find it."""
    account, key = "jaytest", base64.b64encode(secrets.token_bytes(64)).decode()
    program = Path(__file__).resolve().parent / "node_modules" / ".bin" / "azurite-blob"
    with tempfile.TemporaryDirectory() as place:
        server = subprocess.Popen(
            [program, "--blobPort", "0", "--location", place, "--silent", "--disableTelemetry", "--skipApiVersionCheck"],
            env=os.environ | {"AZURITE_ACCOUNTS": f"{account}:{key}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            said = []
            for line in server.stdout:
                said.append(line)
                found = re.search(r"successfully listens on (http://127\.0\.0\.1:\d+)", line)
                if found:
                    break
            else:
                sys.exit("error: Azurite did not start: " + "".join(said))
            # What it goes on to say must not fill the pipe.
            threading.Thread(target=server.stdout.read, daemon=True).start()
            base = f"{found.group(1)}/{account}"
            make_container(base, account, key)
            yield {"JAY_TEST_AZURE": f"az://{BUCKET}/{PREFIX}?endpoint={base}&account={account}", "JAY_TEST_AZURE_KEY": key}
        finally:
            server.terminate()
            server.wait(timeout=30)


def main(command):
    with s3() as of_s3, azure() as of_azure:
        return subprocess.run(command, env=os.environ | of_s3 | of_azure, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
