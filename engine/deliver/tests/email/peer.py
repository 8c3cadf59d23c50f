"""A real SMTP server for tests, on aiosmtpd: what it does with a mail is in the first part of the recipient's address.

Prints `port=N`, and then one JSON line for each mail that it took, also for those whose sender it never told.
It ends when its standard input does. Certificates, by trustme, are written into the folder that is given.
"""

import argparse
import asyncio
import json
import logging
import os
import ssl
import sys
import warnings

import trustme
from aiosmtpd.smtp import SMTP, AuthResult

# What the recipient's address begins with: what is answered to it.
TO_RECIPIENT = {"later": "451 4.7.1 Greylisted, try again", "never": "550 5.1.1 No such mailbox"}
# The same, answered to the content.
TO_CONTENT = {"content-later": "452 4.3.1 Disk is full", "content-never": "554 5.7.1 Looks like spam"}


def kind(envelope):
    return envelope.rcpt_tos[0].split("@")[0]


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = TO_RECIPIENT.get(address.split("@")[0])
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 2.1.5 Recipient is fine"

    async def handle_DATA(self, server, session, envelope):
        behavior = kind(envelope)
        if behavior in TO_CONTENT:
            return TO_CONTENT[behavior]
        print(json.dumps({
            "to": envelope.rcpt_tos,
            "from": envelope.mail_from,
            "login": (session.auth_data or b"").decode(),
            "is_tls": session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None,
            "peer": list(session.peer),
            "content": envelope.content.decode(),
        }), flush=True)
        if behavior == "cut":
            server.transport.abort()
        if behavior == "freeze":
            await asyncio.sleep(3600)
        return "250 2.0.0 Taken"


class Peer(SMTP):
    async def smtp_DATA(self, arg):
        if kind(self.envelope) == "cut-before":
            self.transport.abort()
            return
        await super().smtp_DATA(arg)


def certificates(folder):
    authority = trustme.CA()
    server = authority.issue_cert("localhost", "127.0.0.1")
    authority.cert_pem.write_to_path(f"{folder}/ca.pem")
    trustme.CA().cert_pem.write_to_path(f"{folder}/other.pem")
    server.cert_chain_pems[0].write_to_path(f"{folder}/server.pem")
    server.private_key_pem.write_to_path(f"{folder}/server.key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.configure_cert(context)
    return context


async def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--folder", required=True)
    arguments.add_argument("--security", choices=["none", "starttls", "tls"], default="none")
    arguments.add_argument("--login")
    arguments.add_argument("--certificates-only", action="store_true")
    given = arguments.parse_args()
    context = certificates(given.folder)
    if given.certificates_only:
        return

    def authenticator(server, session, envelope, mechanism, login):
        told = f"{login.login.decode()}:{login.password.decode()}"
        # Not handled here: the server answers.
        return AuthResult(success=told == given.login, handled=False, auth_data=login.login)

    def peer():
        return Peer(
            Handler(),
            hostname="peer.example",
            enable_SMTPUTF8=False,
            tls_context=context if given.security == "starttls" else None,
            auth_require_tls=given.security == "starttls",
            auth_required=given.login is not None,
            authenticator=authenticator if given.login else None,
            loop=asyncio.get_running_loop(),
        )

    at_once = context if given.security == "tls" else None
    server = await asyncio.get_running_loop().create_server(peer, "127.0.0.1", 0, ssl=at_once)
    print(f"port={server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    # Whoever is frozen is not waited for.
    os._exit(0)


# What the library says of connections that break, and of a login without TLS, is meant here.
logging.disable()
warnings.simplefilter("ignore")
asyncio.run(main())
