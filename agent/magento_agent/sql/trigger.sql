-- name: body
-- Swallows its own errors: what it misses is found later, what it breaks is a checkout. A guest's subscription has the
-- customer id 0, and 0 is nobody; NULL is not above 0 either.
BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  IF {entity_id} > 0 THEN
    INSERT INTO {outbox} (entity, entity_id, op, created_at)
    VALUES ('{entity}', {entity_id}, '{op}', UTC_TIMESTAMP(6));
  END IF;
END
