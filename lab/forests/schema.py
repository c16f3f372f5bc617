#!/usr/bin/python3
"""Exchange's part of an Active Directory schema, as far as GalSync reads and writes it.

`schema.py print BASE_DN` writes the LDIF, `schema.py apply DIRECTORY` puts it into a forest whose server is stopped.
Microsoft's object identifiers where they are known; the others are of the private arc 1.3.6.1.4.1.99999.1, which
nobody registered: no client looks at them, they only have to be unique.
"""
import sys
from dataclasses import dataclass, field

MICROSOFT = "1.2.840.113556.1"
PRIVATE = "1.3.6.1.4.1.99999.1"

# name -> attributeSyntax, oMSyntax, oMObjectClass
SYNTAXES = {
    "string": ("2.5.5.12", 64, None),
    "boolean": ("2.5.5.8", 1, None),
    "integer": ("2.5.5.9", 2, None),
    "large": ("2.5.5.16", 65, None),
    "octets": ("2.5.5.10", 4, None),
    "sid": ("2.5.5.17", 4, None),
    "dn": ("2.5.5.1", 127, "KwwCh3McAIVK"),
}
INDEXED, COPIED = 1, 16  # bits of searchFlags; COPIED: taken over when an account is copied


@dataclass(frozen=True)
class Attribute:
    name: str
    cn: str
    oid: str
    syntax: str
    multi: bool = False
    upper: int = 0  # largest length; 0 = the syntax's own
    flags: int = 0
    link: int = 0  # even: forward link, odd: its back link
    catalog: bool = True  # is in the global catalog


@dataclass(frozen=True)
class Class:
    name: str
    cn: str
    oid: str
    parent: str = "container"
    superiors: tuple = ("container", "msExchContainer", "msExchOrganizationContainer", "msExchAdminGroup")
    auxiliary: tuple = ()
    may: tuple = field(default=())


def attributes():
    exch, old = f"{MICROSOFT}.4.7000.102", f"{MICROSOFT}.2"
    yield Attribute("mailNickname", "ms-Exch-Mail-Nickname", f"{old}.447", "string", upper=64, flags=INDEXED | 4)
    yield Attribute("targetAddress", "ms-Exch-Target-Address", f"{old}.352", "string", upper=1123, flags=INDEXED)
    for number in range(1, 16):
        oid = f"{old}.{422 + number}" if number <= 10 else f"{old}.{588 + number}"
        yield Attribute(f"extensionAttribute{number}", f"ms-Exch-Extension-Attribute-{number}", oid, "string",
                        upper=1024 if number <= 10 else 2048, flags=INDEXED | COPIED)
    yield Attribute("msExchHideFromAddressLists", "ms-Exch-Hide-From-Address-Lists", f"{exch}.73", "boolean", flags=COPIED)
    yield Attribute("msExchRecipientDisplayType", "ms-Exch-Recipient-Display-Type", f"{exch}.50730", "integer", flags=INDEXED)
    yield Attribute("msExchRecipientTypeDetails", "ms-Exch-Recipient-Type-Details", f"{exch}.50855", "large", flags=INDEXED)
    yield Attribute("msExchRemoteRecipientType", "ms-Exch-Remote-Recipient-Type", f"{PRIVATE}.1", "large")
    yield Attribute("msExchVersion", "ms-Exch-Version", f"{PRIVATE}.2", "large")
    yield Attribute("msExchPoliciesExcluded", "ms-Exch-Policies-Excluded", f"{exch}.50051", "string", multi=True, catalog=False)
    yield Attribute("msExchPoliciesIncluded", "ms-Exch-Policies-Included", f"{exch}.50050", "string", multi=True, catalog=False)
    yield Attribute("msExchALObjectVersion", "ms-Exch-AL-Object-Version", f"{exch}.59", "integer", catalog=False)
    yield Attribute("msExchHomeServerName", "ms-Exch-Home-Server-Name", f"{exch}.47", "string", flags=INDEXED)
    yield Attribute("msExchMailboxGuid", "ms-Exch-Mailbox-Guid", f"{exch}.11058", "octets", upper=16, flags=INDEXED)
    yield Attribute("msExchMasterAccountSid", "ms-Exch-Master-Account-Sid", f"{exch}.81", "sid", flags=INDEXED)
    yield Attribute("internetEncoding", "ms-Exch-Internet-Encoding", f"{old}.551", "integer")
    yield Attribute("msExchRequireAuthToSendTo", "ms-Exch-RequireAuthToSendTo", f"{MICROSOFT}.4.5062", "boolean")
    yield Attribute("hideDLMembership", "ms-Exch-Hide-DL-Membership", f"{old}.297", "boolean")
    yield Attribute("reportToOriginator", "ms-Exch-Report-To-Originator", f"{old}.206", "boolean")
    yield Attribute("oOFReplyToOriginator", "ms-Exch-OOF-Reply-To-Originator", f"{old}.438", "boolean")
    yield Attribute("msExchDynamicDLFilter", "ms-Exch-Dynamic-DL-Filter", f"{exch}.12544", "string")
    yield Attribute("msExchDynamicDLBaseDN", "ms-Exch-Dynamic-DL-BaseDN", f"{exch}.12543", "dn")
    # Microsoft declares the senders' lists as OR names (2.5.5.7), which LDAP shows as plain DNs; Samba keeps links of DNs only.
    for name, cn, forward, backward, link, multi, back in (
        ("homeMDB", "ms-Exch-Home-MDB", 244, 393, 32, False, "homeMDBBL"),
        ("altRecipient", "ms-Exch-Alt-Recipient", 126, 294, 12, False, "altRecipientBL"),
        ("authOrig", "ms-Exch-Auth-Orig", 129, 290, 110, True, "authOrigBL"),
        ("unauthOrig", "ms-Exch-Unauth-Orig", 221, 292, 114, True, "unauthOrigBL"),
        ("dLMemSubmitPerms", "ms-Exch-DL-Mem-Submit-Perms", 144, 291, 112, True, "dLMemSubmitPermsBL"),
        ("dLMemRejectPerms", "ms-Exch-DL-Mem-Reject-Perms", 47, 293, 116, True, "dLMemRejectPermsBL"),
    ):
        yield Attribute(name, cn, f"{old}.{forward}", "dn", multi=multi, link=link)
        yield Attribute(back, f"{cn}-BL", f"{old}.{backward}", "dn", multi=True, link=link + 1)


def classes():
    exch = f"{MICROSOFT}.5.7000.62"
    yield Class("msExchOrganizationContainer", "ms-Exch-Organization-Container", f"{exch}.50020",
                superiors=("msExchConfigurationContainer",), may=("legacyExchangeDN",))
    yield Class("msExchContainer", "ms-Exch-Container", f"{exch}.50010")
    yield Class("msExchAddressListServiceContainer", "ms-Exch-Address-List-Service-Container", f"{exch}.13")
    yield Class("msExchAdminGroupContainer", "ms-Exch-Admin-Group-Container", f"{exch}.50019")
    yield Class("msExchAdminGroup", "ms-Exch-Admin-Group", f"{exch}.50011", parent="top",
                superiors=("msExchAdminGroupContainer",), may=("legacyExchangeDN",))
    yield Class("msExchServersContainer", "ms-Exch-Servers-Container", f"{exch}.50013")
    yield Class("msExchExchangeServer", "ms-Exch-Exchange-Server", f"{exch}.50009", parent="server",
                superiors=("msExchServersContainer",), may=("legacyExchangeDN", "msExchVersion"))
    yield Class("msExchMDB", "ms-Exch-MDB", f"{exch}.11002", parent="top", may=("legacyExchangeDN",))
    yield Class("msExchPrivateMDB", "ms-Exch-Private-MDB", f"{exch}.11004", parent="msExchMDB")
    yield Class("msExchSystemObjectsContainer", "ms-Exch-System-Objects-Container", f"{exch}.50034", superiors=("domainDNS",))
    yield Class("msExchDynamicDistributionList", "ms-Exch-Dynamic-Distribution-List", f"{exch}.12006", parent="top",
                superiors=("organizationalUnit", "domainDNS", "container"), auxiliary=("mailRecipient",),
                may=("msExchDynamicDLFilter", "msExchDynamicDLBaseDN", "managedBy", "mail", "displayName"))
    yield Class("publicFolder", "ms-Exch-Public-Folder", f"{MICROSOFT}.3.15", parent="top",
                superiors=("msExchSystemObjectsContainer", "organizationalUnit", "domainDNS", "container"),
                auxiliary=("mailRecipient",), may=("mail", "displayName", "company", "department"))


# What existing classes get in addition: every recipient (contact, user and group hold the auxiliary class mailRecipient).
RECIPIENT_MAY = [a.name for a in attributes() if not a.link % 2 and not a.name.startswith("msExchDynamicDL")]
BACK_LINKS = [a.name for a in attributes() if a.link % 2]
ADDITIONS = {
    "Mail-Recipient": RECIPIENT_MAY,
    "Top": BACK_LINKS,
    "Address-Book-Container": ["legacyExchangeDN", "msExchVersion"],
}
# An address list must be allowed below Exchange's containers too.
POSSIBLE_SUPERIORS = {"Address-Book-Container": ["container", "msExchContainer"]}


def attribute_ldif(a, schema):
    syntax, om_syntax, om_class = SYNTAXES[a.syntax]
    lines = [f"dn: CN={a.cn},{schema}", "objectClass: attributeSchema", f"cn: {a.cn}", f"lDAPDisplayName: {a.name}",
             f"attributeID: {a.oid}", f"attributeSyntax: {syntax}", f"oMSyntax: {om_syntax}",
             f"isSingleValued: {'FALSE' if a.multi else 'TRUE'}", f"searchFlags: {a.flags}",
             f"isMemberOfPartialAttributeSet: {'TRUE' if a.catalog else 'FALSE'}", "showInAdvancedViewOnly: TRUE"]
    if om_class:
        lines.append(f"oMObjectClass:: {om_class}")
    if a.upper:
        lines.append(f"rangeUpper: {a.upper}")
    if a.link:
        lines.append(f"linkID: {a.link}")
    if a.link % 2:  # a back link is computed, never written nor replicated
        lines.append("systemFlags: 1")
    return "\n".join(lines) + "\n"


def class_ldif(c, schema):
    lines = [f"dn: CN={c.cn},{schema}", "objectClass: classSchema", f"cn: {c.cn}", f"lDAPDisplayName: {c.name}",
             f"governsID: {c.oid}", "objectClassCategory: 1", f"subClassOf: {c.parent}", "rDNAttID: cn",
             f"defaultObjectCategory: CN={c.cn},{schema}", "showInAdvancedViewOnly: TRUE",
             "defaultSecurityDescriptor: D:(A;;RPWPCRCCDCLCLORCWOWDSDDTSW;;;DA)(A;;RPWPCRCCDCLCLORCWOWDSDDTSW;;;SY)(A;;RPLCLORC;;;AU)"]
    lines += [f"auxiliaryClass: {name}" for name in c.auxiliary]
    lines += [f"mayContain: {name}" for name in c.may]
    return "\n".join(lines) + "\n"


def modify_ldif(cn, attribute, values, schema):
    return "\n".join([f"dn: CN={cn},{schema}", "changetype: modify", f"add: {attribute}"]
                     + [f"{attribute}: {value}" for value in values]) + "\n"


def steps(schema):
    """LDIF in steps; after each one the server must read its schema anew."""
    yield [attribute_ldif(a, schema) for a in attributes()]
    own = {c.name for c in classes()}
    yield [class_ldif(c, schema) for c in classes() if c.parent not in own]
    yield [class_ldif(c, schema) for c in classes() if c.parent in own]
    # A class may name one that comes later in the table, so superiors follow when all are there.
    yield ([modify_ldif(c.cn, "possSuperiors", c.superiors, schema) for c in classes()]
           + [modify_ldif(cn, "possSuperiors", names, schema) for cn, names in POSSIBLE_SUPERIORS.items()]
           + [modify_ldif(cn, "mayContain", names, schema) for cn, names in ADDITIONS.items()])


def apply(directory):
    import ldb
    from samba_database import open_database
    database = open_database(directory, schema_updates=True)
    schema = str(database.get_schema_basedn())
    probe = database.search(base=schema, expression="(lDAPDisplayName=mailNickname)", attrs=["cn"])
    if len(probe):
        return
    for step in steps(schema):
        database.transaction_start()
        try:
            for text in step:
                database.modify_ldif(text) if "changetype:" in text else database.add_ldif(text)
        except ldb.LdbError:
            database.transaction_cancel()
            print(text, file=sys.stderr)
            raise
        database.transaction_commit()
        database.set_schema_update_now()


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("print", "apply"):
        sys.exit("usage: schema.py print BASE_DN | apply DIRECTORY")
    if sys.argv[1] == "print":
        print("\n-- schemaUpdateNow --\n\n".join("\n".join(step) for step in steps(f"CN=Schema,CN=Configuration,{sys.argv[2]}")))
    else:
        apply(sys.argv[2])
