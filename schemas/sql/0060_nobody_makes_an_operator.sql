-- What the board's login may do to persons while it says of nobody that they ask. All editions.
--
-- A sign-in by a provider makes a person, and a set-up link keeps a password: neither is of anybody who is signed in, so the trigger
-- of migration 0058 does not look at them. Nothing else is done so: no operator is made, nobody is disabled, enabled or reset.
CREATE FUNCTION web.refuse_what_nobody_may_do() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.is_operator OR NEW.oidc_subject IS NULL OR NEW.password_hash IS NOT NULL OR NEW.set_up_digest IS NOT NULL THEN
            RAISE EXCEPTION 'nobody asks for this person' USING ERRCODE = 'insufficient_privilege',
                DETAIL = 'expected somebody of an identity provider, who does not run the installation';
        END IF;
    ELSIF NEW.is_operator IS DISTINCT FROM OLD.is_operator
          OR (NEW.disabled_at, NEW.disabled_by) IS DISTINCT FROM (OLD.disabled_at, OLD.disabled_by)
          OR (NEW.oidc_issuer, NEW.oidc_subject) IS DISTINCT FROM (OLD.oidc_issuer, OLD.oidc_subject)
          OR NEW.set_up_digest IS NOT NULL AND NEW.set_up_digest IS DISTINCT FROM OLD.set_up_digest THEN
        RAISE EXCEPTION 'nobody asks for this change of a person' USING ERRCODE = 'insufficient_privilege',
            DETAIL = 'expected a password that its person chose';
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION web.refuse_what_nobody_may_do() FROM PUBLIC;
CREATE TRIGGER nobody_asks BEFORE INSERT OR UPDATE ON persons FOR EACH ROW
    WHEN (session_user = 'pumpwatch_web' AND coalesce(current_setting('pumpwatch.person', true), '') = ''
          AND coalesce(current_setting('pumpwatch.key', true), '') = '')
    EXECUTE FUNCTION web.refuse_what_nobody_may_do();
