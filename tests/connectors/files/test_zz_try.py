import sys; sys.path.insert(0,'/tmp')
from cases import fragments
from tests.own_data import OwnData
def test_try(warehouse, tmp_path, monkeypatch):
    ds, sv = fragments()
    d = OwnData(tmp_path, monkeypatch, warehouse)
    import shutil, pathlib
    ds['c07']['path']=str(tmp_path/'orders.csv'); shutil.copy('/work/shared/cases/07-nokey-reexport/night1/orders.csv', tmp_path/'orders.csv')
    d.land({'files':{'datasets':ds}}, surveys={'files':sv})
    print(d.errors)
    shutil.copy('/work/shared/cases/07-nokey-reexport/night2/orders.csv', tmp_path/'orders.csv')
    d.land({'files':{'datasets':ds}}, surveys={'files':sv})
    d.build()
    for t in ('orders','conversations','subscriptions','survey_responses','message_events','contacts','web_events'):
        print('==',t)
        cur=d.connection.execute(f"select * from intermediate.int_{t}_unioned order by profile_id")
        for r in cur.fetchall(): print('  ',[str(x) for x in r if x is not None])
    print(d.read("select stream, reason from raw.rejected_records"))
    print(d.read("select profile_id, customer_id from identity.members order by 2"))
    assert 0
