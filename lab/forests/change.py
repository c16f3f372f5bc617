#!/usr/bin/python3
"""Changes one object of a running forest over LDAPS, as an administrator would, and prints the object as JSON.

    change.py FOREST show WHO
    change.py FOREST rename WHO GIVEN FAMILY          new RDN, display name, given name and surname
    change.py FOREST set WHO ATTRIBUTE=VALUE...       an empty value takes the attribute away, one named twice gets both
    change.py FOREST add GIVEN FAMILY [MAIL]          a new user with a mailbox in OU=People
    change.py FOREST hide WHO | unhide WHO
    change.py FOREST enable WHO | disable WHO         the account
    change.py FOREST delete WHO
    change.py FOREST disable-mailbox WHO              the account stays, all of Exchange goes
    change.py FOREST move WHO CONTAINER               CONTAINER below the domain, as "OU=Disabled Users"
    change.py FOREST join GROUP WHO | leave GROUP WHO

WHO and GROUP are a DN, a mail address or an account's name. The forest is found in $GALSYNC_LAB (/var/tmp/galsync-lab).
"""
import json
import os
import sys
import uuid

import ldb
from samba import dsdb
from samba.credentials import Credentials
from samba.param import LoadParm
from samba.samdb import SamDB

EXCHANGE = ("mail mailNickname targetAddress proxyAddresses legacyExchangeDN showInAddressBook homeMDB msExchHomeServerName msExchMailboxGuid "
            "msExchRecipientTypeDetails msExchRecipientDisplayType msExchVersion msExchHideFromAddressLists msExchPoliciesExcluded").split()


class Forest:
    def __init__(self, name):
        lab = os.environ.get("GALSYNC_LAB", "/var/tmp/galsync-lab")
        try:
            with open(os.path.join(lab, name, "forest.json"), encoding="utf-8") as file:
                self.facts = json.load(file)
        except FileNotFoundError:
            sys.exit(f"change: no forest '{name}' in {lab}; lab/forest-up.sh makes it")
        parameters = LoadParm()
        parameters.load("/dev/null")
        parameters.set("tls cafile", self.facts["caFile"])
        parameters.set("tls verify peer", "ca_and_name")
        credentials = Credentials()
        credentials.guess(parameters)
        credentials.set_bind_dn(self.facts["administrator"]["dn"])
        with open(self.facts["administrator"]["passwordFile"], encoding="utf-8") as file:
            credentials.set_password(file.read())
        self.directory = SamDB(url=self.facts["ldaps"].removesuffix(":636"), credentials=credentials, lp=parameters)
        self.base = self.facts["base"]

    def find(self, who):
        if "=" in who:
            expression, base, scope = "(objectClass=*)", who, ldb.SCOPE_BASE
        else:
            value = ldb.binary_encode(who)
            expression, base, scope = f"(|(mail={value})(sAMAccountName={value})(proxyAddresses=smtp:{value}))", self.base, ldb.SCOPE_SUBTREE
        found = self.directory.search(base=base, scope=scope, expression=expression, attrs=["*"])
        if len(found) != 1:
            sys.exit(f"change: {len(found)} objects are '{who}'; one is needed")
        return found[0]

    def modify(self, entry, **values):
        """None takes an attribute away, if it is there."""
        message = ldb.Message(entry.dn)
        for name, value in values.items():
            if value is not None:
                message[name] = ldb.MessageElement(value, ldb.FLAG_MOD_REPLACE, name)
            elif name in entry:
                message[name] = ldb.MessageElement([], ldb.FLAG_MOD_DELETE, name)
        if len(message) > 0:
            self.directory.modify(message)

    def lists(self):
        container = self.facts["defaultGlobalAddressList"].split(",", 2)[2]
        return [self.facts["defaultGlobalAddressList"], f"CN=All Users,CN=All Address Lists,{container}"]

    def show(self, dn):
        entry = self.directory.search(base=dn, scope=ldb.SCOPE_BASE, attrs=["displayName", "mail", "title", "telephoneNumber", "objectGUID", "uSNChanged"])[0]
        shown = {name: str(entry[name][0]) for name in ("displayName", "mail", "title", "telephoneNumber", "uSNChanged") if name in entry}
        shown["objectGUID"] = str(uuid.UUID(bytes_le=bytes(entry["objectGUID"][0])))
        print(json.dumps({"dn": str(entry.dn), **shown}, ensure_ascii=False))


def rename(forest, who, given, family):
    entry, display = forest.find(who), f"{given} {family}"
    forest.modify(entry, displayName=display, givenName=given, sn=family)
    target = entry.dn.parent()
    target.add_child(ldb.Dn(forest.directory, "CN=x"))
    target.set_component(0, "CN", display)
    forest.directory.rename(entry.dn, target)
    return target


def change_set(forest, who, *assignments):
    entry = forest.find(who)
    values = {}
    for assignment in assignments:
        name, value = assignment.split("=", 1)
        values.setdefault(name, []).extend([value] if value else [])
    forest.modify(entry, **{name: value or None for name, value in values.items()})
    return entry.dn


def add(forest, given, family, mail=None):
    alias = "".join(c for c in f"{given}{family}".lower() if c.isascii() and c.isalnum())[:20] or "new"
    mail = mail or f"{alias}@{forest.facts['domain']}"
    dn = f"CN={given} {family},OU=People,{forest.base}"
    unique = uuid.uuid4()
    forest.directory.add({
        "dn": dn, "objectClass": "user", "sAMAccountName": alias, "userPrincipalName": f"{alias}@{forest.facts['domain']}",
        "displayName": f"{given} {family}", "givenName": given, "sn": family, "mail": mail, "mailNickname": alias,
        "proxyAddresses": f"SMTP:{mail}", "showInAddressBook": forest.lists(),
        "legacyExchangeDN": f"{forest.facts['legacyAdminGroup']}/cn=Recipients/cn={unique.hex}-{alias}",
        # Enabled, and without a password, which is not asked for.
        "userAccountControl": str(dsdb.UF_NORMAL_ACCOUNT | dsdb.UF_PASSWD_NOTREQD),
        "homeMDB": f"CN=DB01,CN=Databases,CN=Exchange Administrative Group (FYDIBOHF23SPDLT),CN=Administrative Groups,{forest.facts['organization']}",
        "msExchHomeServerName": f"{forest.facts['legacyAdminGroup']}/cn=Configuration/cn=Servers/cn=EX01", "msExchMailboxGuid": unique.bytes_le,
        "msExchRecipientTypeDetails": "1", "msExchRecipientDisplayType": "1073741824", "msExchVersion": "88218628259840"})
    return dn


def hide(forest, who):
    entry = forest.find(who)
    forest.modify(entry, msExchHideFromAddressLists="TRUE", showInAddressBook=None)
    return entry.dn


def unhide(forest, who):
    entry = forest.find(who)
    forest.modify(entry, msExchHideFromAddressLists=None, showInAddressBook=forest.lists())
    return entry.dn


def account(enabled):
    def act(forest, who):
        entry = forest.find(who)
        control = int(str(entry["userAccountControl"][0])) | dsdb.UF_ACCOUNTDISABLE
        forest.modify(entry, userAccountControl=str(control ^ (dsdb.UF_ACCOUNTDISABLE if enabled else 0)))
        return entry.dn
    return act


def delete(forest, who):
    entry = forest.find(who)
    forest.show(entry.dn)
    forest.directory.delete(entry.dn)


def disable_mailbox(forest, who):
    entry = forest.find(who)
    forest.modify(entry, **{name: None for name in EXCHANGE})
    return entry.dn


def move(forest, who, container):
    entry = forest.find(who)
    target = ldb.Dn(forest.directory, f"{entry.dn.get_component_name(0)}=x,{container},{forest.base}")
    target.set_component(0, entry.dn.get_component_name(0), entry.dn.get_component_value(0))
    forest.directory.rename(entry.dn, target)
    return target


def membership(flag):
    def act(forest, group, who):
        entry, member = forest.find(group), forest.find(who)
        message = ldb.Message(entry.dn)
        message["member"] = ldb.MessageElement(str(member.dn), flag, "member")
        forest.directory.modify(message)
        return entry.dn
    return act


COMMANDS = {"show": lambda forest, who: forest.find(who).dn, "rename": rename, "set": change_set, "add": add, "hide": hide, "unhide": unhide,
            "enable": account(True), "disable": account(False),
            "delete": delete, "disable-mailbox": disable_mailbox, "move": move,
            "join": membership(ldb.FLAG_MOD_ADD),
            "leave": membership(ldb.FLAG_MOD_DELETE)}


def main():
    if len(sys.argv) < 4 or sys.argv[2] not in COMMANDS:
        sys.exit(__doc__)
    forest = Forest(sys.argv[1])
    try:
        dn = COMMANDS[sys.argv[2]](forest, *sys.argv[3:])
    except (TypeError, ValueError):
        sys.exit(__doc__)
    except ldb.LdbError as error:
        sys.exit(f"change: {error.args[1]}")
    if dn:
        forest.show(dn)


if __name__ == "__main__":
    main()
