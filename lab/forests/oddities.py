"""What directories hold after twenty years: each case a few times, each named by a flag."""
import people


def oddities(p):
    main = p.company.domains[0]
    counter = iter(range(1, 10_000))
    times = max(1, p.users // 500)

    def odd(flag, display=None, hidden=False, drop=(), **values):
        number = next(counter)
        alias = f"odd{number:04}"
        attributes = p.recipient("userMailbox", alias, p.address(alias, main), (), hidden)
        attributes.update(displayName=display or f"Odd {flag} {number}", givenName="Odd", sn=f"Case{number}", **values)
        for name in drop:
            attributes.pop(name, None)
        return p.user("OU=People", "userMailbox", f"Odd {flag} {number}", {flag}, account=alias, **attributes)

    for _ in range(times):
        odd("noMail", drop=("mail",))
        odd("noMailNoPrimary", drop=("mail", "proxyAddresses"))
        odd("noTypeDetails", drop=("msExchRecipientTypeDetails", "msExchRecipientDisplayType", "msExchVersion"))
        made = odd("twoPrimaries")
        made.attributes["proxyAddresses"].append(f"SMTP:{p.address('second-primary', main)}")
        made = odd("noPrimary")
        made.attributes["proxyAddresses"] = [v.replace("SMTP:", "smtp:") for v in made.attributes["proxyAddresses"]]
        odd("otherPrimary", mail=p.address("mail-differs", main))
        made = odd("mixedCase")
        made.attributes["mail"] = made.attributes["mail"].replace("odd", "Odd").replace("example", "EXAMPLE")
        odd("invalidAddress", mail="broken@@nowhere", proxyAddresses=["SMTP:broken@@nowhere"])
        international = p.address("jürgen.müller", main)
        odd("internationalAddress", display="Jürgen Müller", mail=international, proxyAddresses=[f"SMTP:{international}"])
        tricky = p.address("o'neil+list", main)
        odd("trickyAddress", mail=tricky, proxyAddresses=[f"SMTP:{tricky}"])
        cloud = p.address("cloudonly", f"{p.company.tenant}.onmicrosoft.com")
        odd("cloudAddressOnly", mail=cloud, proxyAddresses=[f"SMTP:{cloud}"])
        odd("noDisplayName", drop=("displayName",))
        odd("spaces", display="  Two  Spaces ", title=" Engineer ", department="Sales\tand more")
        odd("lineBreaks", streetAddress="Main Street 1\r\nBuilding 2\r\n", info="one\ntwo\r\nthree")
        odd("emoji", display="Eva 🚀 Rakete", title="قائد الفريق")
        odd("reservedCharacters", display='Quote "Comma, Plus+ <Less> #Hash; back\\slash = end', company="A & B <C>")
        odd("unknownCountry", co="Ruritania", c="ZZ", countryCode="0")
        odd("countryNameOnly", co="Germany")
        odd("galSyncMark", extensionAttribute15="gs1;other-owner;other-sync;00000000-0000-0000-0000-000000000000;x;y;;-;")
        odd("optOut", extensionAttribute5="NOGALSYNC")
        odd("manyAddresses", proxyAddresses=[f"SMTP:{p.address('many', main)}"] + [f"smtp:many{n}-{next(counter)}@{main}" for n in range(120)])
        odd("overLong", display=("Überlang " * 29)[:256], title="T" * 128, department="D" * 64, company="C" * 64, l="L" * 128, st="S" * 128,
            physicalDeliveryOfficeName="O" * 128, streetAddress="Straße " * 146, postalCode="1" * 40, initials="ABCDEF", info="I" * 1024,
            telephoneNumber="1" * 64, wWWHomePage="https://" + "w" * 1000, extensionAttribute1="x" * 1024, extensionAttribute11="y" * 2048)
        odd("everyExtension", **{f"extensionAttribute{n}": f"value {n}" for n in range(1, 15)})

        # One address, two holders: Active Directory does not mind, Exchange does.
        shared = p.address("held-twice", main)
        for _ in range(2):
            made = odd("addressHeldTwice")
            made.attributes["proxyAddresses"].append(f"smtp:{shared}")
        twin = p.address("same-primary", main)
        for _ in range(2):
            odd("primaryHeldTwice", mail=twin, proxyAddresses=[f"SMTP:{twin}"])

    # Ten people of one name, in the same unit and elsewhere.
    for number in range(10 * times):
        place = people.PLACES[number % 3]
        values = p.recipient("userMailbox", f"asmith{number}", p.address("alex.smith", main))
        p.user(f"OU={place.city},OU={place.region},OU=People", "userMailbox", "Alex Smith", {"homonym"}, account=f"asmith{number}",
               displayName="Alex Smith", givenName="Alex", sn="Smith", department=people.DEPARTMENTS[number % 10], **values)
