"""Who and what a forest is seeded with, in realistic shares of the number of user mailboxes."""
import people
from recipients import (COMPANIES, CONTACTS, DISABLED, GROUP_TYPES, GROUPS, NOT_UNDER_POLICIES, OTHERS, RESOURCES, USERS,
                        Population, sid)

SYSTEM_USERS = "CN=Users"
SYSTEM_OBJECTS = "CN=Microsoft Exchange System Objects"
UNITS = (["OU=Shared Mailboxes", "OU=Resources", "OU=Disabled Users", "OU=Admin Contacts", "OU=Microsoft Exchange Security Groups"]
         + [f"OU={region},OU=People" for region in dict.fromkeys(place.region for place in people.PLACES)]
         + [f"OU={place.city},OU={place.region},OU=People" for place in people.PLACES])


def share(users, part, least=1):
    return max(least, round(users * part))


def person_values(p, name, place, department):
    random = p.random
    values = {
        "givenName": name.given, "sn": name.family, "displayName": name.display, "title": random.choice(people.TITLES),
        "department": department, "company": f"{p.company.organization} {random.choice(('AG', 'Inc.', 'Holding'))}",
        "physicalDeliveryOfficeName": f"{random.choice('ABC')}{random.randint(0, 9)}.{random.randint(1, 99):02}", "l": place.city, "st": place.state,
        "postalCode": place.postal_code, "streetAddress": f"{place.street} {random.randint(1, 200)}", "co": place.country, "c": place.iso,
        "countryCode": str(place.number), "telephoneNumber": f"{place.dial} {random.randint(100000, 9999999)}",
    }
    extra = {
        "initials": (name.given[0] + name.family[0])[:6], "mobile": f"+{place.dial[1:3].strip()} 17{random.randint(10000000, 99999999)}",
        "facsimileTelephoneNumber": f"{place.dial} {random.randint(100, 999)}-99", "homePhone": f"{place.dial} 555{random.randint(1000, 9999)}",
        "pager": str(random.randint(10000, 99999)), "postOfficeBox": f"PO {random.randint(1, 9999)}",
        "wWWHomePage": f"https://people.{p.company.domains[0]}/{name.address}", "info": f"Notes about {name.given}.\r\nSecond line.",
        "extensionAttribute1": f"cost-{random.randint(1000, 9999)}", "extensionAttribute7": random.choice(("full-time", "part-time", "external")),
    }
    values.update({key: value for key, value in extra.items() if p.chance(0.3)})
    if p.chance(0.1):
        values["thumbnailPhoto"] = people.photo(random)
    return values


def mail_domain(p, place, department):
    main, europe, sales = p.company.domains
    if department == "Sales":
        return sales
    return europe if place.region == "Europe" and p.chance(0.7) else main


def secondary_addresses(p, name, primary, alias):
    local, domain = primary.split("@")
    others = [f"{local}@{d}" for d in p.company.domains if d != domain and p.chance(0.4)]
    if p.chance(0.15):
        others.append(f"{local}@{p.company.forest}-old.example")
    others.append(f"{alias}@{p.company.tenant}.mail.onmicrosoft.com")
    for address in others:
        p.addresses.add(address)
    return others


def employee(p, kind="userMailbox"):
    """A person with a mailbox here, or (remote kinds) in Exchange Online."""
    name, place, department = people.name(p.random), p.random.choice(people.PLACES), p.random.choice(people.DEPARTMENTS)
    primary = p.address(name.address, mail_domain(p, place, department))
    enabled = kind not in DISABLED and not p.chance(0.04)
    hidden = p.chance(0.03)
    parent = f"OU={place.city},OU={place.region},OU=People" if enabled or kind in DISABLED or p.chance(0.5) else "OU=Disabled Users"
    alias = p.account(f"{name.address.replace('.', '')}")
    p.accounts.discard(alias)
    remote = f"{alias}@{p.company.tenant}.mail.onmicrosoft.com" if kind.startswith("remote") else None
    values = person_values(p, name, place, department)
    values.update(p.recipient(kind, alias, primary, secondary_addresses(p, name, primary, alias), hidden, remote))
    flags = {name.script} - {"plain"}
    flags |= {"hidden"} if hidden else set()
    flags |= {"disabled"} if not enabled and kind not in DISABLED else set()
    if name.display in p.displays:
        flags.add("homonym")
    p.displays.add(name.display)
    if kind == "linkedMailbox":
        values["msExchMasterAccountSid"] = sid(f"S-1-5-21-1111111111-2222222222-3333333333-{p.random.randint(1000, 99999)}")
    if remote:
        values["msExchRemoteRecipientType"] = "4"
    if p.people and p.chance(0.6):
        values["manager"] = p.random.choice(p.people[:50]).dn
    if p.chance(0.15):
        values["proxyAddresses"].append(f"x500:/o={p.company.organization}/ou=First Administrative Group/cn=Recipients/cn={alias}")
    if p.chance(0.05):
        values["proxyAddresses"].append(f"X400:C=us;A= ;P={p.company.organization};O=Exchange;S={people.ascii_part(name.family)};G={people.ascii_part(name.given)};")
    if p.chance(0.1):
        values["proxyAddresses"].append(f"SIP:{primary}")
    if p.chance(0.01):
        values["extensionAttribute5"] = "NOGALSYNC"
        flags.add("optOut")
    if p.chance(0.3):
        values["msExchPoliciesExcluded"] = NOT_UNDER_POLICIES
    made = p.user(parent, kind, name.display, flags, enabled, account=alias, **values)
    p.people.append(made)
    return made


def mailboxes(p):
    """Users' mailboxes come first and alone, so that the peer's can be known without making all of the peer."""
    p.people, p.displays = [], set()
    for _ in range(p.users):
        employee(p)


def peer_addresses(p):
    peer = Population(p.company.peer, p.users, p.seed)
    mailboxes(peer)
    return [(o.attributes["displayName"], o.attributes["mail"]) for o in peer.objects if "hidden" not in o.flags]


def other_people(p):
    for _ in range(share(p.users, 0.02)):
        employee(p, "linkedMailbox")
    for _ in range(share(p.users, 0.05, 2)):
        employee(p, "remoteUserMailbox")
    old = employee(p, "legacyMailbox")
    old.attributes["msExchVersion"] = "4535486012416"
    for number in range(share(p.users, 0.02, 2)):  # a mailbox elsewhere, an account here
        name = people.name(p.random)
        target = f"{name.address}{number}@partner.example"
        kind = "linkedUser" if number == 0 else "mailUser"
        p.user("OU=People", kind, name.display, displayName=name.display, givenName=name.given, sn=name.family,
               **p.recipient(kind, f"mu-{number}", target, (), False, target))
    for number in range(share(p.users, 0.05)):  # no recipient at all
        p.user("OU=People", "plainUser", f"admin {number:04}", displayName=f"Admin {number}")
    for number in range(share(p.users, 0.005, 2)):  # somebody typed an address into the account's mail field
        p.user("OU=People", "mailAttributeOnly", f"printer account {number}", mail=f"printer{number}@{p.company.domains[0]}")


def rooms_and_shared(p):
    main, tenant = p.company.domains[0], f"{p.company.tenant}.mail.onmicrosoft.com"

    def make(parent, kind, count, title, **more):
        for number in range(1, count + 1):
            place = p.random.choice(people.PLACES)
            display = f"{title} {place.city} {number}"
            alias = f"{kind[:12]}{number}".lower()
            hidden = p.chance(0.05)
            target = f"{alias}@{tenant}" if kind.startswith("remote") else None
            p.user(parent, kind, display, {"hidden"} if hidden else (), False, displayName=display, l=place.city, account=alias, **more,
                   **p.recipient(kind, alias, p.address(alias, main), (), hidden, target))

    self_sid = {"msExchMasterAccountSid": sid("S-1-5-10")}
    make("OU=Shared Mailboxes", "sharedMailbox", share(p.users, 0.04), "Postfach", **self_sid)
    make("OU=Shared Mailboxes", "remoteSharedMailbox", share(p.users, 0.01), "Cloud box", msExchRemoteRecipientType="100")
    make("OU=Shared Mailboxes", "teamMailbox", share(p.users, 0.002), "Site", **self_sid)
    make("OU=Resources", "roomMailbox", share(p.users, 0.03), "Meeting room", **self_sid)
    make("OU=Resources", "equipmentMailbox", share(p.users, 0.01), "Beamer", **self_sid)
    make("OU=Resources", "remoteRoomMailbox", share(p.users, 0.005), "Cloud room", msExchRemoteRecipientType="36")
    make("OU=Resources", "remoteEquipmentMailbox", share(p.users, 0.002), "Cloud projector", msExchRemoteRecipientType="68")


def system_objects(p):
    main = p.company.domains[0]

    def make(parent, kind, cn, alias, hidden=True, **more):
        p.user(parent, kind, cn, {"hidden"} if hidden else (), False, displayName=cn, account=alias[:16], **more,
               **p.recipient(kind, alias, p.address(alias.lower(), main), (), hidden))

    for cn in ("SystemMailbox{1f05a927-35b2-4f9d-8a5c-000000000001}", "SystemMailbox{e0dc1c29-89c3-4034-b678-e6c29d823ed9}",
               "Migration.8f3e7716-2011-43e4-96b1-aba62d229136", "FederatedEmail.4c1f4d8b-8179-4148-93bf-00a95fa1e042"):
        make(SYSTEM_USERS, "arbitrationMailbox", cn, cn.replace("{", "").replace("}", ""))
    make(SYSTEM_USERS, "discoveryMailbox", "DiscoverySearchMailbox {D919BA05-46A6-415f-80AD-7E09334BB852}",
         "DiscoverySearchMailboxD919BA05-46A6-415f-80AD-7E09334BB852")
    make(SYSTEM_OBJECTS, "systemMailbox", "SystemMailbox{5E8B2D0A-0001-4C5B-9A2B-A7D7C4A1B001}", "SystemMailbox5E8B2D0A")
    make("OU=Shared Mailboxes", "publicFolderMailbox", "PublicFolders01", "PublicFolders01")
    for number in range(4):
        unique = f"HealthMailbox{p.random.getrandbits(128):032x}"
        make(f"CN=Monitoring Mailboxes,{SYSTEM_OBJECTS}", "monitoringMailbox", unique, unique, hidden=number > 0)
    # Some versions made health mailboxes as ordinary user mailboxes, known by their names alone.
    unique = f"HealthMailbox{p.random.getrandbits(128):032x}"
    made = p.recipient("userMailbox", unique, p.address(unique.lower(), main))
    p.user(f"CN=Monitoring Mailboxes,{SYSTEM_OBJECTS}", "healthMailbox", unique, (), True, account=unique[:16], displayName="HealthMailbox-EX01-001", **made)
    for number in range(1, 3):
        alias = f"pf-{number}"
        p.add(SYSTEM_OBJECTS, "publicFolder", f"Folder {number}", objectClass="publicFolder", displayName=f"Folder {number}",
              **p.recipient("publicFolder", alias, p.address(alias, main)))
    for title in ("Organization Management", "Recipient Management", "View-Only Organization Management"):
        p.add("OU=Microsoft Exchange Security Groups", "roleGroup", title, objectClass="group", sAMAccountName=p.account(title),
              groupType=str(GROUP_TYPES["roleGroup"]), msExchRecipientTypeDetails="1073741824", msExchVersion="88218628259840")


def contacts(p):
    """Contacts made by administrators: partners, and colleagues of the other forest from before any synchronization."""
    def make(kind, display, target, alias, flags=()):
        hidden = p.chance(0.05) and not flags
        p.add("OU=Admin Contacts", kind, display, set(flags) | ({"hidden"} if hidden else set()), objectClass="contact", displayName=display,
              **p.recipient(kind, alias, target, (), hidden, target))

    for number in range(share(p.users, 0.05, 4)):
        name = people.name(p.random)
        kind = "forestContact" if number == 1 else "mailContact"
        make(kind, name.display, f"{name.address}{number}@{p.random.choice(('partner', 'supplier', 'lawyers'))}.example", f"contact{number}")
    known = peer_addresses(p)
    for number, (display, address) in enumerate(known[:: max(1, len(known) // share(p.users, 0.01, 2))][: share(p.users, 0.01, 2)]):
        make("mailContact", f"{display} [{p.company.peer}]", address, f"old-{number}", {"holdsPeerAddress"})
    # Two who have moved here already and keep their old address: a mail user, and a mailbox with it as a second address.
    display, address = known[-1]
    p.user("OU=People", "mailUser", display, {"holdsPeerAddress"}, displayName=display, **p.recipient("mailUser", "moved-1", address, (), False, address))
    p.people[0].attributes["proxyAddresses"].append(f"smtp:{known[-2][1]}")
    p.people[0].flags.add("holdsPeerAddress")
    p.add("OU=Admin Contacts", "plainContact", "Contact without mail", objectClass="contact", displayName="Contact without mail")


def summary(p):
    """Counts by kind and flag, and what an address list should hold, for tests to compare with."""
    def count(values):
        counted = {}
        for value in values:
            counted[value] = counted.get(value, 0) + 1
        return dict(sorted(counted.items()))

    def visible(kinds):
        return [o for o in p.objects if o.kind in kinds and "mailNickname" in o.attributes and "hidden" not in o.flags]

    samples = {}
    for made in p.objects:
        for label in [made.kind, *sorted(made.flags)]:
            samples.setdefault(label, [])
            if len(samples[label]) < 3:
                samples[label].append({"dn": made.dn, "mail": made.attributes.get("mail", "")})
    return {
        "forest": p.company.forest, "users": p.users, "seed": p.seed, "total": len(p.objects),
        "objects": count(o.kind for o in p.objects), "flags": count(f for o in p.objects for f in o.flags),
        # Visible recipients by the short form that takes them; the system's own are in none.
        "visible": {"User": len(visible(USERS)), "Group": len(visible(GROUPS)), "Contact": len(visible(CONTACTS)),
                    "resources": len(visible(RESOURCES)), "others": len(visible(OTHERS))},
        "visibleGroups": {flag: sum(flag in o.flags for o in visible(GROUPS)) for flag in ("restricted", "hiddenMembership")},
        "visibleDomains": count(o.attributes["mail"].rsplit("@", 1)[1].lower() for o in visible(USERS | GROUPS | CONTACTS) if "mail" in o.attributes),
        "samples": samples,
    }


def populate(forest, users, seed):
    from groups import groups
    from oddities import oddities
    if forest not in COMPANIES:
        raise ValueError(f"no such forest: {forest}")
    p = Population(forest, users, seed)
    mailboxes(p)
    other_people(p)
    rooms_and_shared(p)
    system_objects(p)
    contacts(p)
    groups(p)
    oddities(p)
    return p
