"""Opens a Samba directory's database file itself, as the system. Only while its server is stopped, or for reading."""
import os

from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB


def open_database(directory, schema_updates=False):
    """`directory` is what `samba-tool domain provision --targetdir` was given."""
    parameters = LoadParm()
    parameters.load(os.path.join(directory, "etc", "smb.conf"))
    if schema_updates:
        parameters.set("dsdb:schema update allowed", "yes")
    return SamDB(url=os.path.join(directory, "private", "sam.ldb"), session_info=system_session(), lp=parameters)
