"""Groups: by region and department, nested, in a ring, restricted, with hidden members, room lists, dynamic ones."""
import people
from recipients import GROUP_TYPES


def groups(p):
    main = p.company.domains[0]

    def make(kind, title, members=(), flags=(), mail=True, hidden=False, **more):
        alias = people.ascii_part(title)[:40]
        values = {"objectClass": "group", "sAMAccountName": p.account(title), "groupType": str(GROUP_TYPES.get(kind, -2147483640)),
                  "displayName": title, "description": f"Members of {title}", **more}
        if members:
            values["member"] = [m.dn for m in members]
        if mail:
            values.update(p.recipient(kind, alias, p.address(alias, main), (), hidden))
        return p.add("OU=Groups", kind, title, set(flags) | ({"hidden"} if hidden else set()), **values)

    def some(count):
        return p.random.sample(p.people, min(count, len(p.people)))

    cities = {}
    for person in p.people:
        cities.setdefault(person.attributes["l"], []).append(person)
    city_groups = {city: make("distributionGroup", f"All {city}", members) for city, members in sorted(cities.items())}
    region_groups = []
    for region in dict.fromkeys(place.region for place in people.PLACES):
        nested = [city_groups[place.city] for place in people.PLACES if place.region == region and place.city in city_groups]
        region_groups.append(make("distributionGroup", f"Region {region}", nested, {"nested"}))
    make("distributionGroup", f"{p.company.organization} everybody", region_groups, {"nested", "restricted"}, msExchRequireAuthToSendTo="TRUE")
    for department in people.DEPARTMENTS:
        members = [person for person in p.people if person.attributes["department"] == department]
        make("securityGroup", f"Department {department}", members, managedBy=p.people[0].dn)
    for number in range(1, max(3, p.users // 40) + 1):
        kind = p.random.choices(("distributionGroup", "securityGroup", "nonUniversalGroup"), (70, 25, 5))[0]
        hidden = p.chance(0.05)
        make(kind, f"Project {number:04}", some(p.random.randint(2, 25)), hidden=hidden,
             **({"msExchRequireAuthToSendTo": "FALSE"} if p.chance(0.5) else {}))
    make("nonUniversalGroup", "Old global list", some(5))

    # Not everybody may send to these; the three ways in which Exchange says so, and its opposite.
    submitters = make("securityGroup", "Board assistants", some(3))
    make("distributionGroup", "Board", some(5), {"restricted"}, authOrig=[m.dn for m in some(2)])
    make("distributionGroup", "Works council", some(5), {"restricted"}, dLMemSubmitPerms=[submitters.dn])
    for number in range(1, max(1, p.users // 250) + 1):
        make("distributionGroup", f"Internal news {number}", some(20), {"restricted"}, msExchRequireAuthToSendTo="TRUE")
    make("distributionGroup", "Suggestions", some(4), {"rejecting"}, unauthOrig=[m.dn for m in some(1)])
    make("distributionGroup", "Whistleblowers", some(6), {"hiddenMembership"}, hideDLMembership="TRUE", reportToOriginator="TRUE")

    # A ring of groups, which whoever expands them must survive.
    first = make("distributionGroup", "Ring one", some(2), {"ring"})
    second = make("distributionGroup", "Ring two", [first], {"ring"})
    p.links.append((first.dn, "member", [second.dn]))

    make("distributionGroup", "Empty list", flags={"empty"})
    # For filters by group: security groups without mail, one inside the other.
    pilot = make("plainGroup", "GalSync pilot team", some(max(3, p.users // 50)), mail=False)
    make("plainGroup", "GalSync pilot", [pilot, *some(3)], {"nested"}, mail=False)
    make("plainGroup", "GalSync excluded", some(3), mail=False)

    rooms = [o for o in p.objects if o.kind == "roomMailbox"]
    make("roomList", "Rooms of the headquarters", rooms[:20])
    for number in range(1, max(2, p.users // 250) + 1):
        department = people.DEPARTMENTS[number % len(people.DEPARTMENTS)]
        alias = f"dynamic{number}"
        p.add("OU=Groups", "dynamicGroup", f"Dynamic {department} {number}", objectClass="msExchDynamicDistributionList",
              displayName=f"Dynamic {department} {number}", msExchDynamicDLBaseDN=p.unit("OU=People"),
              msExchDynamicDLFilter=f"(&(mailNickname=*)(objectCategory=person)(department={department.replace('&', chr(92) + '26')}))",
              **p.recipient("dynamicGroup", alias, p.address(alias, main)))
