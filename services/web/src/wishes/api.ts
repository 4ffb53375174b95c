import { query, request } from "../shared/api.ts";
import type { Customer, CustomerName, WishView } from "../shared/model.ts";
import type { Filter, Sought } from "./filter.ts";
import type { HistoryEntry, Wish } from "./model.ts";

const at = encodeURIComponent;
export const PAGE = 25;

export const api = {
  wishes: ({ status, purpose, department, customer }: Filter, after: number | null) =>
    request<{ wishes: WishView[]; next: number | null }>(
      "GET",
      `/wishes${query({ status, purpose, department, customer: customer?.id ?? null, after, limit: PAGE })}`,
    ),
  wish: (id: string, seen: number | null) => request<Wish>("GET", `/wishes/${at(id)}${query({ min_position: seen })}`),
  history: (id: string) => request<{ history: HistoryEntry[] }>("GET", `/wishes/${at(id)}/history`),
  customer: (id: string, seen: number | null) => request<Customer>("GET", `/customers/${at(id)}${query({ min_position: seen })}`),
  search: (sought: Sought) => request<{ customers: CustomerName[] }>("POST", "/customers/search", sought),
  amend: (id: string, change: Record<string, unknown>) => request<{ position: number }>("PATCH", `/wishes/${at(id)}`, change),
  withdraw: (id: string) => request<{ position: number }>("POST", `/wishes/${at(id)}/withdraw`),
};
