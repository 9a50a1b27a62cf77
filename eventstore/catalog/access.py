"""Rules about roles, ownership and grants."""

from eventstore.catalog.rule import Rule

ROLES = """
    SELECT wanted.name AS object,
           CASE WHEN r.oid IS NULL THEN 'does not exist' ELSE 'has attributes that it should not have' END AS detail
      FROM (VALUES ('loopctl_owner', false, false), ('loopctl_fn', false, false), ('loopctl_migrator', true, false),
                   ('loopctl_app', true, false), ('loopctl_worker', true, false), ('loopctl_audit_ro', true, false),
                   ('loopctl_backup', true, true)) AS wanted (name, login, bypass)
      LEFT JOIN pg_roles AS r ON r.rolname = wanted.name
     WHERE r.oid IS NULL
        OR r.rolcanlogin <> wanted.login
        OR r.rolbypassrls <> wanted.bypass
        OR r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolinherit
     ORDER BY object
     LIMIT 100
"""

MEMBERSHIPS = """
    SELECT member.rolname::text AS object,
           'is a member of ' || granted.rolname || CASE WHEN m.inherit_option THEN ' and inherits it' ELSE '' END
               AS detail
      FROM pg_auth_members AS m
      JOIN pg_roles AS member ON member.oid = m.member
      JOIN pg_roles AS granted ON granted.oid = m.roleid
     WHERE member.rolname ~ '^loopctl_'
       AND (m.inherit_option
            OR m.admin_option
            OR (member.rolname::text, granted.rolname::text)
               NOT IN (('loopctl_migrator', 'loopctl_owner'), ('loopctl_owner', 'loopctl_fn')))
     ORDER BY object, detail
     LIMIT 100
"""

SESSION = """
    SELECT r.rolname::text AS object, 'is not bound by row security, or can become the owner' AS detail
      FROM pg_roles AS r
     WHERE r.rolname = session_user
       AND (r.rolsuper OR r.rolbypassrls OR pg_has_role(r.oid, to_regrole('loopctl_owner'), 'MEMBER'))
"""

OWNERS = """
    WITH owned AS (
        SELECT c.oid::regclass::text AS object, c.relowner AS owner, 'pg_class'::regclass AS kind, c.oid
          FROM pg_class AS c
         WHERE c.relnamespace::regnamespace::text !~ '^(pg_|information_schema$)'
        UNION ALL
        SELECT p.oid::regprocedure::text, p.proowner, 'pg_proc'::regclass, p.oid
          FROM pg_proc AS p
         WHERE p.pronamespace::regnamespace::text !~ '^(pg_|information_schema$)'
        UNION ALL
        SELECT 'schema ' || n.nspname, n.nspowner, 'pg_namespace'::regclass, n.oid
          FROM pg_namespace AS n
         WHERE n.nspname !~ '^(pg_|information_schema$)'
    )
    SELECT owned.object, 'belongs to ' || r.rolname || ', which can log in' AS detail
      FROM owned
      JOIN pg_roles AS r ON r.oid = owned.owner
     WHERE r.rolcanlogin
       AND NOT EXISTS (
           SELECT FROM pg_depend AS d WHERE d.classid = owned.kind AND d.objid = owned.oid AND d.deptype = 'e')
     ORDER BY object
     LIMIT 100
"""

PUBLIC = """
    WITH acl AS (
        SELECT 'database ' || datname AS object, coalesce(datacl, acldefault('d', datdba)) AS acl
          FROM pg_database
         WHERE datname = current_database()
        UNION ALL
        SELECT 'schema ' || nspname, coalesce(nspacl, acldefault('n', nspowner))
          FROM pg_namespace
         WHERE nspname !~ '^(pg_|information_schema$)'
        UNION ALL
        SELECT oid::regclass::text, relacl
          FROM pg_class
         WHERE relnamespace::regnamespace::text !~ '^(pg_|information_schema$)'
        UNION ALL
        SELECT a.attrelid::regclass::text || '.' || a.attname, a.attacl
          FROM pg_attribute AS a
          JOIN pg_class AS c ON c.oid = a.attrelid
         WHERE c.relnamespace::regnamespace::text !~ '^(pg_|information_schema$)'
        UNION ALL
        SELECT p.oid::regprocedure::text, coalesce(p.proacl, acldefault('f', p.proowner))
          FROM pg_proc AS p
         WHERE p.pronamespace::regnamespace::text !~ '^(pg_|information_schema$)'
           AND NOT EXISTS (
               SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
    )
    SELECT acl.object, granted.privilege_type || ' is granted to PUBLIC' AS detail
      FROM acl
     CROSS JOIN LATERAL aclexplode(acl.acl) AS granted
     WHERE granted.grantee = 0
     ORDER BY object, detail
     LIMIT 100
"""

CREATE = """
    WITH login AS (
        SELECT oid, rolname
          FROM pg_roles
         WHERE rolname IN ('loopctl_app', 'loopctl_worker', 'loopctl_audit_ro', 'loopctl_backup')
    )
    SELECT login.rolname::text AS object, 'may create in schema ' || n.nspname AS detail
      FROM login
     CROSS JOIN pg_namespace AS n
     WHERE has_schema_privilege(login.oid, n.oid, 'CREATE')
    UNION ALL
    SELECT login.rolname::text, 'has ' || p.privilege || ' on the database'
      FROM login
     CROSS JOIN (VALUES ('CREATE'), ('TEMP')) AS p (privilege)
     WHERE has_database_privilege(login.oid, current_database(), p.privilege)
    UNION ALL
    SELECT login.rolname::text, 'may create in tablespace ' || t.spcname
      FROM login
     CROSS JOIN pg_tablespace AS t
     WHERE has_tablespace_privilege(login.oid, t.oid, 'CREATE')
     ORDER BY object, detail
     LIMIT 100
"""

GRANTS = """
    WITH acl AS (
        SELECT oid, relkind, relowner, relacl AS acl
          FROM pg_class
        UNION ALL
        SELECT c.oid, c.relkind, c.relowner, a.attacl
          FROM pg_attribute AS a
          JOIN pg_class AS c ON c.oid = a.attrelid
         WHERE a.attacl IS NOT NULL
    )
    SELECT DISTINCT acl.oid::regclass::text AS object, r.rolname || ' has ' || granted.privilege_type AS detail
      FROM acl
     CROSS JOIN LATERAL aclexplode(acl.acl) AS granted
      JOIN pg_roles AS r ON r.oid = granted.grantee
     WHERE r.rolname ~ '^loopctl_'
       AND granted.grantee <> acl.relowner
       AND (granted.privilege_type IN ('TRUNCATE', 'TRIGGER', 'REFERENCES', 'MAINTAIN')
            OR granted.is_grantable
            OR acl.relkind = 'm' AND r.rolname <> 'loopctl_backup'
            OR r.rolname IN ('loopctl_audit_ro', 'loopctl_backup') AND granted.privilege_type <> 'SELECT')
     ORDER BY object, detail
     LIMIT 100
"""

LOG_WRITERS = """
    WITH acl AS (
        SELECT oid, oid::regclass::text AS object, relowner, relacl AS acl
          FROM pg_class
        UNION ALL
        SELECT c.oid, c.oid::regclass || '.' || a.attname, c.relowner, a.attacl
          FROM pg_attribute AS a
          JOIN pg_class AS c ON c.oid = a.attrelid
         WHERE a.attacl IS NOT NULL
    )
    SELECT acl.object, r.rolname || ' has ' || granted.privilege_type AS detail
      FROM acl
     CROSS JOIN LATERAL aclexplode(acl.acl) AS granted
      JOIN pg_roles AS r ON r.oid = granted.grantee
     WHERE granted.grantee <> acl.relowner
       AND granted.privilege_type IN ('INSERT', 'UPDATE', 'DELETE')
       AND coalesce(pg_partition_root(acl.oid), acl.oid)::regclass::text = ANY ($1::text[])
       AND concat_ws(' ', r.rolname, granted.privilege_type, acl.object) <> ALL ($2::text[])
     ORDER BY object, detail
     LIMIT 100
"""

# Superusers and whoever owns the database are the operator's; loopctl's own roles have rules of their own.
STRANGERS = """
    SELECT r.rolname::text AS object,
           'may connect, and '
               || CASE WHEN r.rolbypassrls THEN 'is not bound by row security'
                       ELSE 'can become ' || min(granted.rolname::text)
                  END AS detail
      FROM pg_roles AS r
      JOIN pg_database AS d ON d.datname = current_database()
      LEFT JOIN pg_roles AS granted
             ON granted.oid <> r.oid
            AND (granted.rolsuper OR granted.rolbypassrls OR granted.rolname IN ('loopctl_owner', 'loopctl_fn'))
            AND pg_has_role(r.oid, granted.oid, 'MEMBER')
     WHERE r.rolcanlogin
       AND NOT r.rolsuper
       AND r.rolname NOT IN ('loopctl_migrator', 'loopctl_app', 'loopctl_worker', 'loopctl_audit_ro', 'loopctl_backup')
       AND NOT pg_has_role(r.oid, d.datdba, 'MEMBER')
       AND has_database_privilege(r.oid, d.oid, 'CONNECT')
       AND (r.rolbypassrls OR granted.oid IS NOT NULL)
     GROUP BY r.rolname, r.rolbypassrls
     ORDER BY object
     LIMIT 100
"""

ACCESS_RULES = (
    Rule("roles_are_exact", ROLES, "Run `python -m migrations up` with the administrator's address."),
    Rule(
        "memberships_are_exact",
        MEMBERSHIPS,
        "REVOKE it: only the migrator may become the owner, and only the owner loopctl_fn, both by SET ROLE alone.",
    ),
    Rule("session_is_bound", SESSION, "Give this process the address of loopctl_app or loopctl_worker."),
    Rule("no_login_role_owns", OWNERS, "ALTER … OWNER TO loopctl_owner: row security does not bind an owner."),
    Rule("nothing_for_public", PUBLIC, "REVOKE it FROM PUBLIC and grant it to the role that needs it."),
    Rule("login_roles_create_nothing", CREATE, "REVOKE it: a place to create in is a foothold in the search path."),
    Rule(
        "grants_are_narrow",
        GRANTS,
        "REVOKE it: TRUNCATE passes by triggers and row security, readers read, and a materialised view has no row "
        "security.",
    ),
    Rule(
        "log_writers_are_listed",
        LOG_WRITERS,
        "REVOKE it: app.append_batch is the way into the log. What is meant to be written directly is listed in "
        "Expected.log_writers.",
        ("log", "log_writers"),
    ),
    Rule("no_stranger_sees_all", STRANGERS, "REVOKE CONNECT on this database, or ALTER ROLE … NOBYPASSRLS."),
)
