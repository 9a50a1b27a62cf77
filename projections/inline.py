"""The read models that are written in the transaction of their events: what a caller reads back at once."""

from projections import api_keys, project_list, tenant_directory

INLINE = (tenant_directory.apply, api_keys.apply, project_list.apply)
MODELS = {model.name: model for model in (project_list.TakenSlug(), project_list.ActiveProjects())}
