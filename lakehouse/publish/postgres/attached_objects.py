"""What hangs on a table of PostgreSQL by its name, as the SQL that hangs it on another one.

Triggers, rules, policies, statistics, options, identity and membership in publications: their
definitions name the table themselves, and so are run once the new table has the name.
"""

from typing import LiteralString

from psycopg import sql

from lakehouse.publish.postgres.server import Session

_ATTACHED: LiteralString = """
    select pg_get_triggerdef(oid)
    from pg_catalog.pg_trigger where tgrelid = %(oid)s and not tgisinternal
    union all
    select format('alter table %%s %%s trigger %%I', tgrelid::regclass,
        case tgenabled when 'D' then 'disable' when 'R' then 'enable replica'
            else 'enable always' end, tgname)
    from pg_catalog.pg_trigger
    where tgrelid = %(oid)s and not tgisinternal and tgenabled <> 'O'
    union all
    select format('comment on trigger %%I on %%s is %%L', tgname, tgrelid::regclass,
        obj_description(oid, 'pg_trigger'))
    from pg_catalog.pg_trigger
    where tgrelid = %(oid)s and not tgisinternal and obj_description(oid, 'pg_trigger') <> ''
    union all
    select pg_get_ruledef(oid) from pg_catalog.pg_rewrite
    where ev_class = %(oid)s and rulename <> '_RETURN'
    union all
    select format('alter table %%s %%s rule %%I', ev_class::regclass,
        case ev_enabled when 'D' then 'disable' when 'R' then 'enable replica'
            else 'enable always' end, rulename)
    from pg_catalog.pg_rewrite
    where ev_class = %(oid)s and rulename <> '_RETURN' and ev_enabled <> 'O'
    union all
    select pg_get_statisticsobjdef(oid) from pg_catalog.pg_statistic_ext
    where stxrelid = %(oid)s
    union all
    select format('alter table %%s replica identity %%s', c.oid::regclass,
        case c.relreplident when 'f' then 'full' when 'n' then 'nothing'
            else format('using index %%I', i.relname) end)
    from pg_catalog.pg_class c
    left join pg_catalog.pg_index x on x.indrelid = c.oid and x.indisreplident
    left join pg_catalog.pg_class i on i.oid = x.indexrelid
    where c.oid = %(oid)s and c.relkind = 'r'
        and (c.relreplident in ('f', 'n') or c.relreplident = 'i' and i.oid is not null)
    union all
    select format('alter table %%s set (%%s)', oid::regclass, array_to_string(reloptions, ', '))
    from pg_catalog.pg_class
    where oid = %(oid)s and relkind = 'r' and array_length(reloptions, 1) > 0
    union all
    select format('alter table %%s alter column %%I set statistics %%s', attrelid::regclass,
        attname, attstattarget)
    from pg_catalog.pg_attribute
    where attrelid = %(oid)s and attnum > 0 and not attisdropped and attstattarget >= 0
    union all
    {publications}
    union all
    select format('create policy %%I on %%I.%%I as %%s for %%s to %%s%%s%%s',
        policyname, schemaname, tablename, permissive, cmd,
        (select string_agg(case role when 'public' then role::text else quote_ident(role) end, ', ')
            from unnest(roles) as role),
        ' using (' || qual || ')', ' with check (' || with_check || ')')
    from pg_catalog.pg_policies where format('%%I.%%I', schemaname, tablename)::regclass = %(oid)s
    union all
    select format('alter table %%s enable row level security', oid::regclass)
    from pg_catalog.pg_class where oid = %(oid)s and relrowsecurity
    union all
    select format('alter table %%s force row level security', oid::regclass)
    from pg_catalog.pg_class where oid = %(oid)s and relforcerowsecurity"""
# From PostgreSQL 15 on a publication may have a part of the columns and of the rows.
_PART_OF_ROWS: LiteralString = """
        case when r.prattrs is not null then (
            select format(' (%%s)', string_agg(quote_ident(t.attname), ', ' order by t.attnum))
            from pg_catalog.pg_attribute t
            where t.attrelid = r.prrelid and t.attnum = any(r.prattrs)) end,
        ' where (' || pg_get_expr(r.prqual, r.prrelid) || ')')"""
_PUBLICATIONS: LiteralString = """
    select format('alter publication %%I add table %%s%%s%%s', p.pubname, r.prrelid::regclass,
        {part}
    from pg_catalog.pg_publication_rel r
    join pg_catalog.pg_publication p on p.oid = r.prpubid where r.prrelid = %(oid)s"""
_ROWS_IN_PART_SINCE = 150000


def attached_statements(session: Session, oid: int) -> list[sql.Composable]:
    """Triggers, rules, policies, statistics, options, identity and publications of a table.

    They name it as it is named now.
    """
    part = _PART_OF_ROWS if session.info.server_version >= _ROWS_IN_PART_SINCE else " '', '')"
    query = _ATTACHED.replace("{publications}", _PUBLICATIONS.replace("{part}", part))
    return [sql.SQL(row[0]) for row in session.execute(query, {"oid": oid})]
