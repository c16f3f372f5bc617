"""Judges the sandbox with Microsoft's own clients, over TLS: MSAL and Azure Identity get tokens, the Graph core
library walks delta rounds.

Usage: judge_microsoft365.py PATH-OF-GALSYNC
"""

import asyncio
import base64
import datetime
import faulthandler
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
import jwt
import msal
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CertificateCredential, ClientSecretCredential
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation
from kiota_abstractions.serialization import Parsable, ParseNodeFactoryRegistry
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from kiota_serialization_json.json_parse_node_factory import JsonParseNodeFactory
from msgraph_core import BaseGraphRequestAdapter, GraphClientFactory
from msgraph_core.tasks.page_iterator import PageIterator

TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "66666666-7777-8888-9999-000000000000"
SECRET = "judged"
GRAPH = ["https://graph.microsoft.com/.default"]
EXCHANGE = ["https://outlook.office365.com/.default"]
ISSUER = "https://kubernetes.default.svc"
SUBJECT = "system:serviceaccount:galsync:galsync-job"
PEOPLE = 150
LONGEST_SECONDS = 300


class Key:
    """A key with a certificate for it."""

    def __init__(self, name):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.timezone.utc)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )

    def private_pem(self):
        form = serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()

    def public_pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def sha1(self):
        return self.certificate.fingerprint(hashes.SHA1()).hex().upper()

    def jwks(self):
        numbers = self.key.public_key().public_numbers()

        def encode(number):
            octets = number.to_bytes((number.bit_length() + 7) // 8, "big")
            return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()

        return json.dumps({"keys": [{"kty": "RSA", "kid": "one", "n": encode(numbers.n), "e": encode(numbers.e)}]})


def serve(program, folder, own, issuer):
    (folder / "app.pem").write_text(own.public_pem())
    (folder / "jwks.json").write_text(issuer.jwks())
    (folder / "sandbox.yaml").write_text(f"""
seed: 3
microsoft365:
  tenants:
  - id: {TENANT}
    organization: contoso.onmicrosoft.com
    domains: [contoso.example]
    people: {PEOPLE}
    # PageIterator of msgraph-core ends at an empty page, which Graph may send; other tests have those.
    graph: {{deltaPageSize: 20, emptyPageEvery: 0, repeatEvery: 9}}
    apps:
    - clientId: {CLIENT}
      secrets: [{{text: {{value: {SECRET}}}}}]
      certificates: [{{pem: {{file: app.pem}}}}]
      federatedCredentials:
      - {{issuer: '{ISSUER}', subject: '{SUBJECT}', jwks: {{file: jwks.json}}}}
      roles: [User.Read.All, Group.Read.All, OrgContact.Read.All, Exchange.ManageAsApp]
      exchangeRoles: [View-Only Recipients]
""")
    arguments = ["sandbox", "--config", "sandbox.yaml", "--listen", "127.0.0.1:0", "--tls-ca-out", "ca.pem"]
    arguments += ["--tls-self-signed", "127.0.0.1", "localhost"]
    # Its log goes to a file: a pipe that it held would keep whoever reads our errors waiting.
    with open(folder / "sandbox.log", "w") as log:
        return subprocess.Popen([program, *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True)


def end_late(process):
    """Ends a judgement that hangs, with the places where it does."""
    faulthandler.dump_traceback(all_threads=True)
    process.kill()
    os._exit(1)


def application(base, trust, credential):
    return msal.ConfidentialClientApplication(
        CLIENT, client_credential=credential, authority=f"{base}/{TENANT}", instance_discovery=False, verify=trust
    )


def judge_tokens(base, trust, own, issuer):
    stranger = Key("stranger")

    def federated(subject):
        now = int(time.time())
        claims = {"iss": ISSUER, "sub": subject, "aud": ["api://AzureADTokenExchange"], "iat": now, "exp": now + 600}
        return {"client_assertion": jwt.encode(claims, issuer.key, "RS256", headers={"kid": "one"})}

    good = {
        "secret": SECRET,
        "certificate, PS256 and x5t#S256": {"private_key": own.private_pem(), "public_certificate": own.public_pem()},
        "certificate, RS256 and x5t": {"private_key": own.private_pem(), "thumbprint": own.sha1()},
        "federated": federated(SUBJECT),
    }
    for name, credential in good.items():
        for scope in (GRAPH, EXCHANGE):
            answer = application(base, trust, credential).acquire_token_for_client(scope)
            assert "access_token" in answer, (name, answer)
            assert answer["token_type"] == "Bearer" and answer["expires_in"] > 3000, (name, answer)
    bad = {
        "wrong secret": ("guess", 7000215),
        "unknown certificate": (
            {"private_key": stranger.private_pem(), "public_certificate": stranger.public_pem()},
            700027,
        ),
        "wrong key": ({"private_key": stranger.private_pem(), "thumbprint": own.sha1()}, 700027),
        "wrong subject": (federated("system:serviceaccount:other:other"), 700213),
    }
    for name, (credential, code) in bad.items():
        answer = application(base, trust, credential).acquire_token_for_client(GRAPH)
        assert answer.get("error_codes") == [code], (name, answer)
        assert answer["error_description"].startswith(f"AADSTS{code}: "), (name, answer)
    answer = application(base, trust, SECRET).acquire_token_for_client(["https://vault.azure.net/.default"])
    assert answer.get("error_codes") == [500011], answer
    print(f"MSAL {msal.__version__}: {len(good)} ways to sign in, {len(bad) + 1} refusals")


class Anything(Parsable):
    """An object of Graph as the library parsed it."""

    def __init__(self):
        self.id = None
        self.mail = None
        self.removed = False

    @staticmethod
    def create_from_discriminator_value(parse_node):
        return Anything()

    def get_field_deserializers(self):
        return {
            "id": lambda node: setattr(self, "id", node.get_str_value()),
            "mail": lambda node: setattr(self, "mail", node.get_str_value()),
            "@removed": lambda node: setattr(self, "removed", True),
        }

    def serialize(self, writer):
        raise NotImplementedError


class Page(Parsable):
    """A page of a delta round; the last one has the link for the next round."""

    delta_link = None

    def __init__(self):
        self.odata_next_link = None
        self.value = []

    @staticmethod
    def create_from_discriminator_value(parse_node):
        return Page()

    def get_field_deserializers(self):
        return {
            "@odata.nextLink": lambda node: setattr(self, "odata_next_link", node.get_str_value()),
            "@odata.deltaLink": lambda node: setattr(Page, "delta_link", node.get_str_value()),
            "value": lambda node: setattr(self, "value", node.get_collection_of_object_values(Anything)),
        }

    def serialize(self, writer):
        raise NotImplementedError


async def walk(adapter, url):
    """One delta round by the library's own iterator: what was told last of each object, and the next link."""
    Page.delta_link = None
    request = RequestInformation()
    request.http_method = Method.GET
    request.url = url
    first = await adapter.send_async(request, Page, {})
    found, told = {}, 0

    def see(item):
        nonlocal told
        told += 1
        found[item.id] = item
        return True

    await PageIterator(first, adapter).iterate(see)
    assert Page.delta_link, "the round ended without a delta link"
    return found, told, Page.delta_link


async def judge_delta(base, trust, credential):
    registry = ParseNodeFactoryRegistry()
    registry.CONTENT_TYPE_ASSOCIATED_FACTORIES["application/json"] = JsonParseNodeFactory()
    host = base.removeprefix("https://")
    provider = AzureIdentityAuthenticationProvider(
        credential, scopes=GRAPH, allowed_hosts=[host, host.split(":")[0]], is_cae_enabled=False
    )
    client = GraphClientFactory.create_with_default_middleware(client=httpx.AsyncClient(verify=trust))
    adapter = BaseGraphRequestAdapter(provider, parse_node_factory=registry, http_client=client)

    def admin(method, path, **more):
        answer = httpx.request(method, f"{base}/sandbox/{path}", verify=trust, **more)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    objects = admin("GET", f"tenants/{TENANT}")["objects"]
    kinds = {
        "users": {"UserMailbox", "SharedMailbox", "RoomMailbox", "EquipmentMailbox", "MailUser", "GuestMailUser", "User"},
        "groups": {"MailUniversalDistributionGroup", "MailUniversalSecurityGroup", "GroupMailbox", "RoomList", "SecurityGroup"},
        "contacts": {"MailContact"},
    }
    links = {}
    for resource, kind in kinds.items():
        expected = {thing["externalId"] for thing in objects if thing["kind"] in kind}
        found, told, links[resource] = await walk(adapter, f"{base}/v1.0/{resource}/delta()?%24select=id,mail")
        assert set(found) == expected, (resource, len(found), len(expected))
        if len(expected) > 20:
            assert told > len(expected), "nothing was told twice"
    victim = next(thing for thing in objects if thing["kind"] == "UserMailbox")
    mail = victim["addresses"][0].split(":")[1]
    # A busy moment: the library waits and asks again by itself.
    rule = {"on": {"operation": "GET users/delta"}, "times": 1, "then": {"status": {"status": 429, "retryAfter": "1s"}}}
    admin("PUT", "faults", json=[rule])
    admin("POST", f"tenants/{TENANT}/changes", json=[{"delete": {"object": mail}}])
    found, _, _ = await walk(adapter, links["users"])
    assert found[victim["externalId"]].removed, "the removal was not told"
    assert admin("GET", "faults")[0]["struck"] == 1
    print(f"msgraph-core: delta rounds of {', '.join(kinds)}; a removal; a 429 that it waited for")


def main():
    # The clients prefer these to the certificate that they are given.
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        os.environ.pop(name, None)
    own, issuer = Key("galsync"), Key("issuer")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process = serve(str(Path(sys.argv[1]).resolve()), folder, own, issuer)
        late = threading.Timer(LONGEST_SECONDS, end_late, [process])
        late.daemon = True
        late.start()
        try:
            line = process.stdout.readline()
            assert line.startswith("listening on https://"), (line, (folder / "sandbox.log").read_text())
            base = line.split()[-1]
            trust = str(folder / "ca.pem")
            judge_tokens(base, trust, own, issuer)
            common = {"authority": base, "disable_instance_discovery": True, "connection_verify": trust}
            pem = (own.private_pem() + own.public_pem()).encode()
            credential = CertificateCredential(TENANT, CLIENT, certificate_data=pem, **common)
            asyncio.run(judge_delta(base, trust, credential))
            try:
                ClientSecretCredential(TENANT, CLIENT, "guess", **common).get_token(GRAPH[0])
                raise AssertionError("Azure Identity got a token for a wrong secret")
            except ClientAuthenticationError as error:
                assert "AADSTS7000215" in str(error), error
            print("Azure Identity: a certificate accepted, a wrong secret refused")
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


main()
