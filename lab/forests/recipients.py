"""The recipients of one forest, as attributes, made up without touching a directory.

`Population(forest, users, seed)` is deterministic: the same three give the same objects. `objects` is in the order in
which they can be added (who is pointed at comes first); each has a kind, and flags that say what is special about it.
"""
import hashlib
import random
import uuid
from dataclasses import dataclass, field

from samba.dcerpc import security
from samba.ndr import ndr_pack

import people

# kind -> msExchRecipientTypeDetails, msExchRecipientDisplayType
TYPES = {
    "userMailbox": (1, 1073741824), "linkedMailbox": (2, 1073741824), "sharedMailbox": (4, 0), "legacyMailbox": (8, 0),
    "roomMailbox": (16, 7), "equipmentMailbox": (32, 8), "mailContact": (64, 6), "mailUser": (128, 6),
    "distributionGroup": (256, 1), "nonUniversalGroup": (512, 1), "securityGroup": (1024, 1073741833),
    "dynamicGroup": (2048, 3), "publicFolder": (4096, 2), "systemMailbox": (16384, 10), "forestContact": (32768, 6),
    "arbitrationMailbox": (8388608, 10), "linkedUser": (33554432, 6), "roomList": (268435456, 15),
    "discoveryMailbox": (536870912, 1073741824), "roleGroup": (1073741824, 1073741833), "remoteUserMailbox": (2147483648, -2147483642),
    "remoteRoomMailbox": (8589934592, -2147481850), "remoteEquipmentMailbox": (17179869184, -2147481594),
    "remoteSharedMailbox": (34359738368, -2147483642), "publicFolderMailbox": (68719476736, 0), "teamMailbox": (137438953472, 0),
    "monitoringMailbox": (549755813888, 1073741824),
}
# What a synchronization takes for a person's address list: the short forms User, Group and Contact, and what is only taken by name.
USERS = {"userMailbox", "linkedMailbox", "sharedMailbox", "legacyMailbox", "remoteUserMailbox", "remoteSharedMailbox"}
GROUPS = {"distributionGroup", "nonUniversalGroup", "securityGroup", "dynamicGroup"}
CONTACTS = {"mailContact", "forestContact"}
RESOURCES = {"roomMailbox", "equipmentMailbox", "remoteRoomMailbox", "remoteEquipmentMailbox"}
OTHERS = {"mailUser", "linkedUser", "roomList", "publicFolder", "teamMailbox"}
DISABLED = {"sharedMailbox", "linkedMailbox", "roomMailbox", "equipmentMailbox", "arbitrationMailbox", "discoveryMailbox",
            "publicFolderMailbox", "systemMailbox", "teamMailbox", "monitoringMailbox"}
# Exchange 2007, 2010, 2013, and 2016 to SE; weights as after years of moving mailboxes.
VERSIONS = ("4535486012416", "44220983382016", "88218628259840", "1125899906842624")
NOT_UNDER_POLICIES = "{26491cfc-9e50-4857-861b-0cb8df22b5d7}"
ADMIN_GROUP = "Exchange Administrative Group (FYDIBOHF23SPDLT)"
GROUP_TYPES = {"distributionGroup": 8, "nonUniversalGroup": 2, "securityGroup": -2147483640, "roomList": 8, "roleGroup": -2147483640}
MAILBOXES_PER_DATABASE = 200


@dataclass(frozen=True)
class Company:
    forest: str
    organization: str
    base: str
    domains: tuple  # the first is the main one, the second Europe's, the third Sales'
    tenant: str
    peer: str


COMPANIES = {
    "corp": Company("corp", "Corp", "DC=corp,DC=example", ("corp.example", "eu.corp.example", "sales.corp.example"), "corpexample", "fabrikam"),
    "fabrikam": Company("fabrikam", "Fabrikam", "DC=fabrikam,DC=example",
                        ("fabrikam.example", "eu.fabrikam.example", "fabrikam-sales.example"), "fabrikamexample", "corp"),
}


@dataclass
class Object:
    dn: str
    kind: str
    attributes: dict
    flags: set = field(default_factory=set)


def sid(text):
    return ndr_pack(security.dom_sid(text))


class Population:
    def __init__(self, forest, users, seed):
        self.company, self.users, self.seed = COMPANIES[forest], users, seed
        self.random = random.Random(f"{seed}/{forest}")
        self.objects, self.links = [], []  # links: (dn, attribute, values) to add when all objects are there
        self.names, self.accounts, self.addresses = set(), set(), set()
        root = f"CN={self.company.organization},CN=Microsoft Exchange,CN=Services,CN=Configuration,{self.company.base}"
        self.lists = f"CN=Address Lists Container,{root}"
        self.admin_group = f"CN={ADMIN_GROUP},CN=Administrative Groups,{root}"
        self.legacy_group = f"/o={self.company.organization}/ou={ADMIN_GROUP}"
        self.databases = [f"CN=DB{n:02},CN=Databases,{self.admin_group}" for n in range(1, 2 + (users * 5 // 4) // MAILBOXES_PER_DATABASE)]

    # --- what every object has -------------------------------------------------------------------------------------

    def unit(self, path):
        return f"{path},{self.company.base}"

    def common_name(self, wanted, parent):
        """Unique in its container, at most 64 characters."""
        number, cn = 1, wanted[:64]
        while (parent, cn.lower()) in self.names:
            number += 1
            cn = f"{wanted[:56]} ({number})"
        self.names.add((parent, cn.lower()))
        return cn

    def account(self, wanted):
        stem, number = people.ascii_part(wanted)[:16] or "x", 1
        while (candidate := stem if number == 1 else f"{stem[:14]}{number}") in self.accounts:
            number += 1
        self.accounts.add(candidate)
        return candidate

    def address(self, local, domain):
        number = 1
        while (candidate := f"{local}{number if number > 1 else ''}@{domain}") in self.addresses:
            number += 1
        self.addresses.add(candidate)
        return candidate

    def chance(self, share):
        return self.random.random() < share

    def add(self, parent, kind, cn, flags=(), **attributes):
        cn = self.common_name(cn, parent)
        escaped = cn.replace("\\", "\\\\").replace(",", "\\,").replace("+", "\\+").replace('"', '\\"')
        made = Object(f"CN={escaped},{self.unit(parent)}", kind, attributes, set(flags))
        self.objects.append(made)
        return made

    def recipient(self, kind, alias, primary, secondary=(), hidden=False, target=None):
        """The attributes that make an object a recipient of Exchange."""
        details, display = TYPES[kind]
        mailbox = "Mailbox" in kind and not kind.startswith("remote")
        version = self.random.choices(VERSIONS, (5, 10, 25, 60))[0]
        era = "First Administrative Group" if version == VERSIONS[0] else ADMIN_GROUP
        unique = hashlib.md5(f"{self.company.forest}/{self.seed}/{primary}/{alias}".encode(), usedforsecurity=False).hexdigest()
        values = {
            "mail": primary, "mailNickname": alias[:64], "msExchRecipientTypeDetails": str(details), "msExchRecipientDisplayType": str(display),
            "msExchVersion": version, "proxyAddresses": [f"SMTP:{primary}"] + [f"smtp:{a}" for a in secondary],
            "legacyExchangeDN": f"/o={self.company.organization}/ou={era}/cn=Recipients/cn={unique[:24]}-{alias[:20]}",
        }
        if hidden:
            values["msExchHideFromAddressLists"] = "TRUE"
        else:
            values["showInAddressBook"] = self.shown(kind)
            if self.chance(0.1):
                values["msExchHideFromAddressLists"] = "FALSE"
        if target:
            values["targetAddress"] = f"SMTP:{target}"
        if mailbox:
            server = self.random.choice(("EX01", "EX02"))
            values.update(homeMDB=self.random.choice(self.databases), msExchMailboxGuid=uuid.UUID(unique).bytes_le,
                          msExchHomeServerName=f"{self.legacy_group}/cn=Configuration/cn=Servers/cn={server}")
        if version == VERSIONS[0] and self.chance(0.4):  # an old forest's gaps
            del values["msExchRecipientDisplayType"]
        return values

    def shown(self, kind):
        lists = [f"CN=Default Global Address List,CN=All Global Address Lists,{self.lists}"]
        title = next((t for t, kinds in (("All Contacts", CONTACTS), ("All Groups", GROUPS | {"roomList"}), ("Public Folders", {"publicFolder"}),
                                         ("All Rooms", {"roomMailbox", "remoteRoomMailbox"}), ("All Users", USERS)) if kind in kinds), None)
        if title:
            lists.append(f"CN={title},CN=All Address Lists,{self.lists}")
        if self.chance(0.7):  # objects of before Exchange 2013 are not in it
            lists.append(f"CN=All Recipients(VLV),CN=All System Address Lists,{self.lists}")
        return lists

    def user(self, parent, kind, cn, flags=(), enabled=True, **attributes):
        account = self.account(attributes.pop("account", cn))
        return self.add(parent, kind, cn, flags, objectClass="user", sAMAccountName=account,
                        userPrincipalName=f"{account}@{self.company.domains[0]}",
                        userAccountControl="512" if enabled else "514", **attributes)
