-- Nothing reads these. Who has reviewed is in app.review and in story.reviewers.
ALTER TABLE app.story
    DROP COLUMN verifier_dispatch_id,
    DROP COLUMN verifier_needed,
    DROP COLUMN reviewer_agent_id,
    DROP COLUMN reviewer_key_id;
