/** Dates of sources. A database has no time zone beside its dates: they are in that of the program that wrote them. */

const local = /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?$/;
const withZone = /(?:Z|[+-]\d\d:?\d\d)$/;

/** Whether the text is a date that does not say in which time zone it is. */
export function lacksTimeZone(text: string | null | undefined): boolean {
  return local.test(text ?? '');
}

/** Whether there is such a time zone. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Reads dates of one time zone, to the millisecond; undefined for what is no date. */
export function dateReader(timeZone: string): (text: string | null | undefined) => Date | undefined {
  const offsetAt = offsetsOf(timeZone);
  return (text) => {
    if (text === null || text === undefined) return undefined;
    if (withZone.test(text)) return valid(new Date(text));
    const [, year, month, day, hour, minute, second, fraction = ''] = local.exec(text) ?? [];
    if (year === undefined) return undefined;
    const wall = valid(new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.padEnd(3, '0').slice(0, 3)}Z`));
    if (wall === undefined || wall.getUTCDate() !== Number(day)) return undefined;
    // The offset at the wall's time taken as UTC may be that of the other side of a change of the clocks, so it is asked for twice.
    const guess = wall.getTime() - offsetAt(wall.getTime());
    return valid(new Date(wall.getTime() - offsetAt(guess)));
  };
}

/** PostgreSQL and ISO 8601 write other years in ways of their own. */
function valid(date: Date): Date | undefined {
  const year = date.getUTCFullYear();
  return year >= 1 && year <= 9999 ? date : undefined;
}

/** How far the zone is ahead of UTC at an instant, in milliseconds. Asked once for each quarter of an hour: no zone changes within one. */
function offsetsOf(timeZone: string): (instant: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const known = new Map<number, number>();
  return (instant) => {
    const quarter = Math.floor(instant / 900_000);
    let offset = known.get(quarter);
    if (offset === undefined) {
      const at = quarter * 900_000;
      const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
      offset = Date.UTC(parts.year!, parts.month! - 1, parts.day, parts.hour, parts.minute, parts.second) - at;
      known.set(quarter, offset);
    }
    return offset;
  };
}
