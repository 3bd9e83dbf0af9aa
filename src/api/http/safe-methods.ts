/** Whether a method changes nothing (RFC 9110, "Safe Methods"). */
export function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
}
