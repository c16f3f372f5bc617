#!/usr/bin/python3
"""Makes in a new forest what Exchange's setup and an administrator would: the organization in the configuration
partition, organizational units, the accounts that GalSync uses and the rights they need.

`prepare.py DIRECTORY ORGANIZATION` reads the passwords of svc-galsync and svc-reader from standard input, a line each.
Only while the server is stopped; may be repeated (passwords and rights are set again).
"""
import sys

import ldb
from samba import dsdb
from samba.dcerpc import misc, security
from samba.ndr import ndr_pack, ndr_unpack

from samba_database import open_database

ADMIN_GROUP = "Exchange Administrative Group (FYDIBOHF23SPDLT)"
VERSION_2016 = "88218628259840"
CONTACTS = "OU=Address Sync"
ACCOUNTS = "OU=Service Accounts"

# The purported searches of Exchange's own lists.
RECIPIENT = "(mailNickname=*)"
LISTS = {
    "All Contacts": f"(&{RECIPIENT}(objectCategory=person)(objectClass=contact))",
    "All Groups": f"(&{RECIPIENT}(objectCategory=group))",
    "All Rooms": f"(&{RECIPIENT}(|(msExchRecipientDisplayType=7)(msExchRecipientDisplayType=-2147481850)))",
    "All Users": f"(&{RECIPIENT}(objectCategory=person)(objectClass=user)(|(homeMDB=*)(msExchHomeServerName=*)))",
    "Public Folders": f"(&{RECIPIENT}(objectCategory=publicFolder))",
}
GLOBAL_LIST = (f"(&{RECIPIENT}(|(objectClass=user)(objectClass=contact)(objectClass=msExchSystemMailbox)"
               "(objectClass=msExchDynamicDistributionList)(objectClass=group)(objectClass=publicFolder)))")


def exists(database, dn):
    try:
        return len(database.search(base=dn, scope=ldb.SCOPE_BASE, attrs=["cn"])) == 1
    except ldb.LdbError as error:
        if error.args[0] == ldb.ERR_NO_SUCH_OBJECT:
            return False
        raise


def ensure(database, dn, **values):
    if not exists(database, dn):
        database.add({"dn": dn, **values})


def organization(database, name):
    """The part of CN=Microsoft Exchange that clients read: organization, administrative group, servers, address lists."""
    services = f"CN=Services,{database.get_config_basedn()}"
    exchange = f"CN=Microsoft Exchange,{services}"
    root = f"CN={name},{exchange}"
    legacy = f"/o={name}"
    ensure(database, exchange, objectClass="msExchConfigurationContainer")
    ensure(database, root, objectClass="msExchOrganizationContainer", legacyExchangeDN=legacy, displayName=name)

    groups = f"CN=Administrative Groups,{root}"
    group = f"CN={ADMIN_GROUP},{groups}"
    servers = f"CN=Servers,{group}"
    legacy_group = f"{legacy}/ou={ADMIN_GROUP}"
    ensure(database, groups, objectClass="msExchAdminGroupContainer")
    ensure(database, group, objectClass="msExchAdminGroup", legacyExchangeDN=legacy_group, displayName=ADMIN_GROUP)
    ensure(database, servers, objectClass="msExchServersContainer")
    ensure(database, f"CN=Databases,{group}", objectClass="msExchContainer")
    for server in ("EX01", "EX02"):
        ensure(database, f"CN={server},{servers}", objectClass="msExchExchangeServer", msExchVersion=VERSION_2016,
               legacyExchangeDN=f"{legacy_group}/cn=Configuration/cn=Servers/cn={server}")

    container = f"CN=Address Lists Container,{root}"
    ensure(database, container, objectClass="msExchAddressListServiceContainer")
    for folder in ("All Address Lists", "All Global Address Lists", "All System Address Lists"):
        ensure(database, f"CN={folder},{container}", objectClass="msExchContainer")
    global_list = f"CN=Default Global Address List,CN=All Global Address Lists,{container}"

    def address_list(dn, title, search):
        ensure(database, dn, objectClass="addressBookContainer", displayName=title, purportedSearch=search, msExchVersion=VERSION_2016)

    address_list(global_list, "Default Global Address List", GLOBAL_LIST)
    for title, search in LISTS.items():
        address_list(f"CN={title},CN=All Address Lists,{container}", title, search)
    address_list(f"CN=All Recipients(VLV),CN=All System Address Lists,{container}", "All Recipients(VLV)", RECIPIENT)
    database.modify_ldif(f"dn: {exchange}\nchangetype: modify\nreplace: globalAddressList\nglobalAddressList: {global_list}\n"
                         f"-\nreplace: addressBookRoots\naddressBookRoots: CN=All Address Lists,{container}\n")
    ensure(database, f"CN=Microsoft Exchange System Objects,{database.domain_dn()}", objectClass="msExchSystemObjectsContainer")


def account(database, name, description, password):
    domain = str(database.domain_dns_name())
    dn = f"CN={name},{ACCOUNTS},{database.domain_dn()}"
    if not exists(database, dn):
        database.add({"dn": dn, "objectClass": "user", "sAMAccountName": name, "userPrincipalName": f"{name}@{domain}",
                      "description": description, "userAccountControl": str(dsdb.UF_NORMAL_ACCOUNT | dsdb.UF_ACCOUNTDISABLE)})
    database.setpassword(f"(sAMAccountName={name})", password, force_change_at_next_login=False, username=name)
    never_expires = dsdb.UF_NORMAL_ACCOUNT | dsdb.UF_DONT_EXPIRE_PASSWD
    database.modify_ldif(f"dn: {dn}\nchangetype: modify\nreplace: userAccountControl\nuserAccountControl: {never_expires}\n")
    entry = database.search(base=dn, scope=ldb.SCOPE_BASE, attrs=["objectSid"])[0]
    return str(ndr_unpack(security.dom_sid, entry["objectSid"][0]))


def grant(database, dn, entries, controls=()):
    """Adds access control entries (SDDL, without the braces) to an object, in front of the inherited ones."""
    found = database.search(base=dn, scope=ldb.SCOPE_BASE, attrs=["nTSecurityDescriptor"], controls=list(controls))[0]
    descriptor = ndr_unpack(security.descriptor, found["nTSecurityDescriptor"][0])
    domain_sid = security.dom_sid(database.get_domain_sid())
    added = security.descriptor.from_sddl("D:" + "".join(f"({entry})" for entry in entries), domain_sid)
    have = {ndr_pack(ace) for ace in descriptor.dacl.aces}
    new = [ace for ace in added.dacl.aces if ndr_pack(ace) not in have]
    if not new:
        return
    for place, ace in enumerate(new):
        descriptor.dacl_add(ace, place)
    message = ldb.Message(ldb.Dn(database, dn))
    message["nTSecurityDescriptor"] = ldb.MessageElement(ndr_pack(descriptor), ldb.FLAG_MOD_REPLACE, "nTSecurityDescriptor")
    database.modify(message, controls=list(controls))


def schema_guid(database, name):
    found = database.search(base=database.get_schema_basedn(), expression=f"(lDAPDisplayName={name})", attrs=["schemaIDGUID"])[0]
    return str(ndr_unpack(misc.GUID, found["schemaIDGUID"][0]))


def main():
    directory, organization_name = sys.argv[1:]
    writer_password, reader_password = sys.stdin.read().split()
    database = open_database(directory)
    domain = database.domain_dn()
    organization(database, organization_name)
    for unit in ("OU=People", "OU=Groups", ACCOUNTS, CONTACTS):
        ensure(database, f"{unit},{domain}", objectClass="organizationalUnit")
    writer = account(database, "svc-galsync", "GalSync: reads the directory, writes contacts in " + CONTACTS, writer_password)
    reader = account(database, "svc-reader", "GalSync: reads the directory", reader_password)

    # Contacts and units may be made and removed below our container, and everything of them may be written; nothing else.
    contact, unit = schema_guid(database, "contact"), schema_guid(database, "organizationalUnit")
    grant(database, f"{CONTACTS},{domain}", [
        f"OA;CI;CCDC;{contact};;{writer}", f"OA;CI;CCDC;{unit};;{writer}",
        f"OA;CIIO;RPWPSDLC;;{contact};{writer}", f"OA;CIIO;RPWPSDLCDT;;{unit};{writer}",
    ])
    # Deleted objects are seen only by those who may list and read their container; Microsoft's AD wants it delegated
    # in the same way (dsacls "CN=Deleted Objects,..." /takeownership, then /g ACCOUNT:LCRP).
    for sid in (writer, reader):
        grant(database, f"CN=Deleted Objects,{domain}", [f"A;;LCRP;;;{sid}"], controls=["show_deleted:1"])


if __name__ == "__main__":
    main()
