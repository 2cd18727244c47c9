"""Where things of a project lie on this host: repositories, checkouts, homes of agents."""

from pathlib import Path

from django.conf import settings

from hub.models import Project


def bare(project: Project) -> Path:
    """Folder of the hub's own repository of a project."""
    return Path(settings.PARLEY_HOME) / "repos" / f"{project.slug}.git"


def objects(project: Project) -> Path:
    """Folder of the hub's own objects of a project, which its checkouts read."""
    return bare(project).resolve() / "objects"


def checkout(project: Project, branch: str) -> Path:
    """Folder of a task's checkout; its last component is the branch without its prefix."""
    return Path(settings.PARLEY_HOME) / "checkouts" / project.slug / branch.rpartition("/")[2]


def agent_home(checkout_path: Path) -> Path:
    """Folder that the commands of a checkout's agents have as their HOME."""
    folder = checkout_path.parent / f"{checkout_path.name}.home"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def trial(project: Project, number: int) -> Path:
    """Folder in which a pull request's result is checked before its merge."""
    return Path(settings.PARLEY_HOME) / "trials" / f"{project.slug}-{number}"
