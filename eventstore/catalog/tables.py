"""Rules about tables: tenants, policies, keys, append-only triggers."""

from eventstore.catalog.rule import Rule

GLOBAL_TABLES = """
    SELECT c.oid::regclass::text AS object, 'has no tenant_id' AS detail
      FROM pg_class AS c
     WHERE c.relkind IN ('r', 'p', 'f')
       AND c.relnamespace::regnamespace::text !~ '^(pg_|information_schema$)'
       AND c.oid::regclass::text <> ALL ($1::text[])
       AND NOT EXISTS (
           SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped)
       AND NOT EXISTS (
           SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
     ORDER BY object
     LIMIT 100
"""

TENANT_ID = """
    SELECT c.oid::regclass::text AS object, 'tenant_id is ' || format_type(a.atttypid, a.atttypmod)
               || CASE WHEN a.attnotnull THEN '' ELSE ' and may be NULL' END AS detail
      FROM pg_class AS c
      JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
     WHERE c.relkind IN ('r', 'p')
       AND (a.atttypid <> 'uuid'::regtype OR NOT a.attnotnull)
     ORDER BY object
     LIMIT 100
"""

ROW_SECURITY = """
    SELECT c.oid::regclass::text AS object, 'has tenant_id and no row security' AS detail
      FROM pg_class AS c
      JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
     WHERE c.relkind IN ('r', 'p', 'f')
       AND NOT c.relrowsecurity
     ORDER BY object
     LIMIT 100
"""

FORCED = """
    SELECT wanted.name AS object,
           CASE WHEN c.oid IS NULL THEN 'does not exist' ELSE 'does not bind its owner' END AS detail
      FROM unnest($1::text[]) AS wanted (name)
      LEFT JOIN pg_class AS c ON c.oid = to_regclass(wanted.name)
     WHERE c.oid IS NULL OR NOT c.relforcerowsecurity
     ORDER BY object
     LIMIT 100
"""

ONE_POLICY = """
    SELECT c.oid::regclass::text AS object,
           count(p.oid) || ' policies for PUBLIC instead of one' AS detail
      FROM pg_class AS c
      JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
      LEFT JOIN pg_policy AS p ON p.polrelid = c.oid AND p.polroles = '{0}' AND p.polpermissive
     WHERE c.relkind IN ('r', 'p')
     GROUP BY c.oid
    HAVING count(p.oid) <> 1
     ORDER BY object
     LIMIT 100
"""

POLICY_TEXT = """
    SELECT p.polrelid::regclass::text AS object, 'policy ' || p.polname || ' has a form of its own' AS detail
      FROM pg_policy AS p
     WHERE (p.polpermissive,
            p.polcmd::text,
            p.polroles,
            pg_get_expr(p.polqual, p.polrelid),
            coalesce(pg_get_expr(p.polwithcheck, p.polrelid), ''))
           NOT IN ((true,
                    '*',
                    '{0}'::oid[],
                    '(tenant_id = ( SELECT app.tid() AS tid))',
                    '(tenant_id = ( SELECT app.tid() AS tid))'),
                   (true,
                    'r',
                    ARRAY[coalesce(to_regrole('loopctl_fn')::oid, 0)],
                    'true',
                    ''))
     ORDER BY object, detail
     LIMIT 100
"""

LOOKUPS = """
    SELECT p.polrelid::regclass::text AS object, 'policy ' || p.polname || ' is not for one tenant at a time' AS detail
      FROM pg_policy AS p
     WHERE p.polroles <> '{0}'
       AND p.polrelid::regclass::text <> ALL ($1::text[])
     ORDER BY object, detail
     LIMIT 100
"""

PRIMARY_KEY = """
    SELECT c.oid::regclass::text AS object, 'has no primary key that begins with tenant_id' AS detail
      FROM pg_class AS c
      JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
     WHERE c.relkind IN ('r', 'p')
       AND NOT EXISTS (
           SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indkey[0] = a.attnum)
     ORDER BY object
     LIMIT 100
"""

INDEXES = """
    SELECT i.indexrelid::regclass::text AS object,
           'of ' || i.indrelid::regclass || ' does not begin with tenant_id' AS detail
      FROM pg_index AS i
      JOIN pg_class AS c ON c.oid = i.indrelid AND c.relkind IN ('r', 'p')
      JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attname = 'tenant_id'
     WHERE i.indkey[0] <> a.attnum
       AND i.indexrelid::regclass::text <> ALL ($1::text[])
     ORDER BY object
     LIMIT 100
"""

FOREIGN_KEYS = """
    SELECT f.conrelid::regclass::text AS object,
           'foreign key ' || f.conname || ' to ' || f.confrelid::regclass || ' does not begin with tenant_id' AS detail
      FROM pg_constraint AS f
      JOIN pg_attribute AS parent ON parent.attrelid = f.confrelid AND parent.attname = 'tenant_id'
      LEFT JOIN pg_attribute AS child ON child.attrelid = f.conrelid AND child.attname = 'tenant_id'
     WHERE f.contype = 'f'
       AND (child.attnum IS NULL OR f.conkey[1] <> child.attnum OR f.confkey[1] <> parent.attnum)
     ORDER BY object, detail
     LIMIT 100
"""

LOG_REFERENCES = """
    SELECT f.conrelid::regclass::text AS object,
           'foreign key ' || f.conname || ' leads from the log to ' || f.confrelid::regclass AS detail
      FROM pg_constraint AS f
     WHERE f.contype = 'f'
       AND coalesce(pg_partition_root(f.conrelid), f.conrelid)::regclass::text = ANY ($1::text[])
       AND coalesce(pg_partition_root(f.confrelid), f.confrelid)::regclass::text <> ALL ($1::text[])
     ORDER BY object, detail
     LIMIT 100
"""

APPEND_ONLY = """
    SELECT coalesce(c.oid::regclass::text, wanted.name) AS object,
           'takes ' || change.name || ': no trigger that refuses it, or one that is not ENABLE ALWAYS' AS detail
      FROM unnest($1::text[]) AS wanted (name)
     CROSS JOIN (VALUES (27, 'UPDATE or DELETE'), (34, 'TRUNCATE')) AS change (tgtype, name)
      LEFT JOIN pg_class AS c
             ON coalesce(pg_partition_root(c.oid), c.oid) = to_regclass(wanted.name) AND c.relkind IN ('r', 'p')
     WHERE NOT EXISTS (
           SELECT
             FROM pg_trigger AS t
            WHERE t.tgrelid = c.oid
              AND t.tgfoid = to_regprocedure('app.refuse_change()')
              AND t.tgtype = change.tgtype
              AND t.tgenabled = 'A'
              AND t.tgqual IS NULL
              AND t.tgattr = ''::int2vector)
     ORDER BY object, detail
     LIMIT 100
"""

GUARDS = """
    SELECT wanted.definition AS object, 'no such trigger, or one that is not ENABLE ALWAYS' AS detail
      FROM unnest($1::text[]) AS wanted (definition)
     WHERE NOT EXISTS (
           SELECT
             FROM pg_trigger AS t
            WHERE t.tgenabled = 'A' AND pg_get_triggerdef(t.oid) = wanted.definition)
     ORDER BY object
     LIMIT 100
"""

VIEWS = """
    SELECT c.oid::regclass::text AS object, 'runs with the rights of its owner' AS detail
      FROM pg_class AS c
     WHERE c.relkind = 'v'
       AND c.relnamespace::regnamespace::text !~ '^(pg_|information_schema$)'
       AND NOT coalesce(
           (SELECT o.option_value::boolean
              FROM pg_options_to_table(c.reloptions) AS o
             WHERE o.option_name = 'security_invoker'),
           false)
       AND NOT EXISTS (
           SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
     ORDER BY object
     LIMIT 100
"""

SEQUENCES = """
    SELECT c.oid::regclass::text AS object, 'is a sequence' AS detail
      FROM pg_class AS c
     WHERE c.relkind = 'S'
       AND NOT EXISTS (
           SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
     ORDER BY object
     LIMIT 100
"""

UNLOGGED = """
    SELECT c.oid::regclass::text AS object, 'is unlogged: a crash empties it' AS detail
      FROM pg_class AS c
     WHERE c.relkind IN ('r', 'p')
       AND c.relpersistence = 'u'
     ORDER BY object
     LIMIT 100
"""

TABLE_RULES = (
    Rule(
        "table_has_tenant_id",
        GLOBAL_TABLES,
        "Add tenant_id and CALL app.secure_tenant_table, or list the table in Expected.global_tables.",
        ("global_tables",),
    ),
    Rule("tenant_id_is_a_uuid", TENANT_ID, "Make it uuid NOT NULL."),
    Rule("tenant_table_has_row_security", ROW_SECURITY, "CALL app.secure_tenant_table in the migration that makes it."),
    Rule("row_security_is_forced", FORCED, "CALL app.secure_tenant_table(…, forced => true).", ("forced",)),
    Rule("tenant_table_has_one_policy", ONE_POLICY, "Leave policies to app.secure_tenant_table."),
    Rule("policy_is_canonical", POLICY_TEXT, "Leave policies to app.secure_tenant_table and app.open_to_lookups."),
    Rule(
        "lookups_are_listed",
        LOOKUPS,
        "DROP POLICY it, or list the table in Expected.lookup_tables: loopctl_fn reads all tenants of it.",
        ("lookup_tables",),
    ),
    Rule("primary_key_begins_with_tenant", PRIMARY_KEY, "PRIMARY KEY (tenant_id, …)."),
    Rule(
        "index_begins_with_tenant",
        INDEXES,
        "Put tenant_id first, or list the index in Expected.global_indexes.",
        ("global_indexes",),
    ),
    Rule(
        "foreign_key_stays_in_tenant",
        FOREIGN_KEYS,
        "FOREIGN KEY (tenant_id, …) REFERENCES … (tenant_id, …): the check of a foreign key sees all tenants.",
    ),
    Rule("log_refers_to_log_only", LOG_REFERENCES, "Drop it: what is derived from the log is disposable.", ("log",)),
    Rule(
        "append_only_is_enforced", APPEND_ONLY, "CALL app.make_append_only for it and each partition.", ("append_only",)
    ),
    Rule("guards_are_there", GUARDS, "Make the trigger as its migration has it, and ENABLE ALWAYS.", ("guards",)),
    Rule("view_has_security_invoker", VIEWS, "WITH (security_invoker = on)."),
    Rule("no_sequences", SEQUENCES, "Take UUIDv7 ids and log positions: a sequence belongs to one machine."),
    Rule("no_unlogged_tables", UNLOGGED, "ALTER TABLE … SET LOGGED."),
)
