"""Django's ORM with its default settings: atomic, savepoints, iterator() with server-side cursors, in threads."""

import os
import sys
import threading

import django
from django.conf import settings

COPY = os.environ.get("COPY", "")
settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": os.environ["PGDATABASE"],
            "USER": os.environ["PGUSER"],
            "PASSWORD": os.environ["PGPASSWORD"],
            "HOST": os.environ["PGHOST"],
            "PORT": os.environ["PGPORT"],
            "TIME_ZONE": "Europe/Berlin",
        }
    },
    USE_TZ=True,
)
django.setup()

from django.db import DatabaseError, connection, models, transaction  # noqa: E402


class Story(models.Model):
    title = models.CharField(max_length=80, unique=True)
    score = models.IntegerField(default=0)
    at = models.DateTimeField(null=True)
    extra = models.JSONField(default=dict)

    class Meta:
        app_label = "clients"
        db_table = "story" + COPY


class Comment(models.Model):
    story = models.ForeignKey(Story, models.CASCADE, related_name="comments")
    text = models.TextField()

    class Meta:
        app_label = "clients"
        db_table = "comment" + COPY


def queries():
    Story.objects.bulk_create(Story(title=f"story {k}", score=k % 7, extra={"k": k}) for k in range(300))
    stories = {story.title: story for story in Story.objects.all()}
    Comment.objects.bulk_create(Comment(story=stories[f"story {k % 20}"], text=f"comment {k}") for k in range(90))
    print(Story.objects.filter(score=3).count(), Story.objects.aggregate(models.Sum("score")))
    for story in Story.objects.filter(extra__k__lt=3).prefetch_related("comments").order_by("title"):
        print(story.title, story.extra, len(story.comments.all()))
    print(Story.objects.filter(score__gt=4).update(score=models.F("score") + 10))
    print(Story.objects.get_or_create(title="story 1")[1], Story.objects.update_or_create(title="other")[1])
    print(list(Story.objects.values("score").annotate(n=models.Count("id")).order_by("score")))
    with connection.cursor() as cursor:
        cursor.execute("select %s::int, current_setting('TimeZone')", [1])
        print(cursor.fetchall())


def transactions():
    with transaction.atomic():
        Story.objects.filter(title="other").update(score=99)
        for k in range(4):
            try:
                with transaction.atomic():
                    Story.objects.create(title="story 2" if k % 2 else f"nested {k}")
            except DatabaseError as error:
                print(error.__cause__.sqlstate)
        transaction.on_commit(lambda: print("committed"))
    try:
        with transaction.atomic():
            Story.objects.all().delete()
            raise ValueError("changed my mind")
    except ValueError as error:
        print(error, Story.objects.count())
    with transaction.atomic():
        print(Story.objects.select_for_update().get(title="other").score)


def iterators():
    """Each outside a transaction, where its cursor is WITH HOLD; some with transactions inside the loop."""
    print(sum(story.score for story in Story.objects.order_by("id").iterator(chunk_size=50)))
    seen = 0
    for story in Story.objects.order_by("id").iterator(chunk_size=20):
        with transaction.atomic():
            Story.objects.filter(pk=story.pk).update(score=story.score + 1)
        seen += 1
    print(seen, Story.objects.aggregate(models.Sum("score")))
    for story in Story.objects.order_by("id").iterator(chunk_size=10):
        break
    print(story.title)
    outer = Story.objects.order_by("id").iterator(chunk_size=30)
    inner = Story.objects.order_by("-id").iterator(chunk_size=30)
    print(sum(a.id == b.id for a, b in zip(outer, inner)))
    with transaction.atomic():
        print(sum(1 for _ in Comment.objects.iterator(chunk_size=25)))


def together():
    right = []

    def work(number):
        for k in range(15):
            with transaction.atomic():
                right.append(Story.objects.filter(title=f"story {k}").exists())
            with connection.cursor() as cursor:
                cursor.execute("select current_setting('TimeZone'), %s", [number])
                right.append(cursor.fetchone() == ("Europe/Berlin", number))
        connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(len(right), all(right))


def main():
    with connection.schema_editor() as editor:
        for model in (Story, Comment):
            editor.create_model(model)
    parts = {"queries": (queries, transactions, together), "iterators": (queries, iterators)}
    for part in parts[sys.argv[1]]:
        print(part.__name__)
        part()
    with connection.schema_editor() as editor:
        for model in (Comment, Story):
            editor.delete_model(model)
    connection.close()


main()
